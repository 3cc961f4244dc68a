//! Forms with files: fields into memory, files onto the disk as they come. They are read only once it is known who sends them,
//! and for which command.

use std::path::Path;

use ankuan_ledger::chain::hex;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, multipart::MultipartError};
use axum::http::StatusCode;
use ring::digest::{Context, SHA256};
use tokio::io::AsyncWriteExt;

use crate::cli::catalogue::Entry;
use crate::service::Upload;
use crate::{Message, Outcome};

/// All fields together that are no files: a list of numbers, a long reason.
const FIELDS_BYTES_MAX: usize = 1 << 20;

/// What a field takes in memory besides its text.
const FIELD_BYTES: usize = 64;

/// The largest request with files: a list of a million claimants as a workbook is about 100 MB.
const UPLOAD_BYTES_MAX: usize = 512 << 20;

/// The longest name of a file: a file system takes 255 bytes, which are 85 Chinese characters.
const NAME_BYTES_MAX: usize = 240;

/// Name and value of each field, and the files.
pub type Received = (Vec<(String, String)>, Vec<Upload>);

/// Takes a form apart. Each file lies in a folder named by its digest, so that the same files come to the same paths below
/// `folder`.
///
/// # Errors
/// `web.form_unreadable`, `web.too_large`; what the disk says.
pub async fn receive(entry: &Entry, mut request: Request, folder: &Path) -> Outcome<Received> {
    let bytes_max = if entry.takes_file() { UPLOAD_BYTES_MAX } else { FIELDS_BYTES_MAX };
    let unreadable = || Message::new("web.form_unreadable");
    let too_large = |max: usize| Message::new("web.too_large").with("max", max);
    let cut_off = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(bytes_max),
        _ => unreadable(),
    };
    DefaultBodyLimit::max(bytes_max).apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| unreadable())?;
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    let mut left = FIELDS_BYTES_MAX;
    while let Some(mut field) = form.next_field().await.map_err(cut_off)? {
        let name = field.name().unwrap_or_default().to_owned();
        let Some(file_name) = field.file_name().map(base_name) else {
            let mut take = |bytes: usize| {
                left = left.checked_sub(bytes).ok_or_else(|| too_large(FIELDS_BYTES_MAX))?;
                Ok::<(), Message>(())
            };
            take(name.len() + FIELD_BYTES)?;
            let mut text = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(cut_off)? {
                take(chunk.len())?;
                text.extend_from_slice(&chunk);
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
        while let Some(chunk) = field.chunk().await.map_err(cut_off)? {
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
