//! `keys`: new keys for what is sealed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::rotation::reseal;
use crate::service::guard::Guard;
use crate::{Message, Outcome};

/// The keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// 更换密钥：全部加密内容重新加密；中断后可再次执行 · New keys: everything is sealed again; goes on where it was cut off
    Rotate(RotateArgs),
}

/// What `keys rotate` takes.
#[derive(Clone, Debug, Args)]
pub struct RotateArgs {
    /// 新密钥文件 · The new key file
    #[arg(long, value_name = "FILE")]
    pub new: PathBuf,
}

/// Runs the command. Nobody may serve the database meanwhile.
///
/// # Errors
/// `service.already_served`, those of [`Keys::rotated`] and [`reseal`].
pub fn run(context: &Context, command: &KeysCommand) -> Outcome<()> {
    let KeysCommand::Rotate(args) = command;
    let mut store = context.store()?;
    let _guard = Guard::alone(&store, &context.globals.database)?;
    let keys = Keys::rotated(&context.key_path(), &args.new, &mut Randomness::system())?;
    let mut total = 0;
    // Somebody may have sealed something with the old keys while the rest was being read.
    loop {
        let resealed = reseal(&mut store, &keys, &mut |_| {})?;
        total += resealed;
        if resealed == 0 {
            break;
        }
    }
    Keys::finish_rotation(&args.new)?;
    context.output.object(&json!({"resealed": total, "keys": args.new.display().to_string()}))?;
    context.output.sentence(
        &Message::new("keys.rotated")
            .with("count", total)
            .with("new", args.new.display())
            .with("old", context.key_path().display()),
    )?;
    Ok(())
}
