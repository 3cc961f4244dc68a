//! Forms with files: fields into memory, files onto the disk as they come.

use std::path::Path;

use ankuan_ledger::chain::hex;
use axum::extract::Multipart;
use ring::digest::{Context, SHA256};
use tokio::io::AsyncWriteExt;

use crate::service::Upload;
use crate::{Message, Outcome};

/// The largest field that is no file: a list of numbers, a long reason.
const FIELD_BYTES_MAX: usize = 1 << 20;

/// The longest name of a file: a file system takes 255 bytes, which are 85 Chinese characters.
const NAME_BYTES_MAX: usize = 240;

/// Name and value of each field, and the files.
pub type Received = (Vec<(String, String)>, Vec<Upload>);

/// Takes a form apart. Each file lies in a folder named by its digest, so that the same files come to the same paths below
/// `folder`.
///
/// # Errors
/// `web.form_unreadable`; what the disk says.
pub async fn receive(mut form: Multipart, folder: &Path) -> Outcome<Received> {
    let unreadable = || Message::new("web.form_unreadable");
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(mut field) = form.next_field().await.map_err(|_| unreadable())? {
        let name = field.name().unwrap_or_default().to_owned();
        let Some(file_name) = field.file_name().map(base_name) else {
            let mut text = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(|_| unreadable())? {
                text.extend_from_slice(&chunk);
                if text.len() > FIELD_BYTES_MAX {
                    return Err(unreadable().into());
                }
            }
            fields.push((name, String::from_utf8(text).map_err(|_| unreadable())?));
            continue;
        };
        if file_name.is_empty() {
            continue;
        }
        let coming = folder.join(format!("coming-{}", files.len()));
        let mut file = tokio::fs::File::create(&coming).await?;
        let mut digest = Context::new(&SHA256);
        while let Some(chunk) = field.chunk().await.map_err(|_| unreadable())? {
            digest.update(&chunk);
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        let place = folder.join(hex(digest.finish().as_ref()));
        tokio::fs::create_dir_all(&place).await?;
        let path = place.join(&file_name);
        tokio::fs::rename(&coming, &path).await?;
        files.push(Upload { parameter: name, name: file_name, path });
    }
    Ok((fields, files))
}

/// The name of a file without its path, and without what a file system takes for something else.
fn base_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean: String = base
        .chars()
        .rev()
        .take(NAME_BYTES_MAX)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .filter(|character| !character.is_control())
        .collect();
    // The end is kept: it says what kind of file it is.
    while clean.len() > NAME_BYTES_MAX {
        clean.remove(0);
    }
    if clean.trim_matches('.').is_empty() { String::new() } else { clean }
}
