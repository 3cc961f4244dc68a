//! Uploaded files by their names: nobody knows the folder in which they lie meanwhile, so no path of it is said.

use std::path::Path;

use serde_json::Value;

use super::{Ran, Upload};
use crate::Failure;
use crate::cli::output::{Piece, Said};

/// Says the files by their names wherever a command that was run says their paths: also the paths of another time, which a
/// repeated request answers again.
pub fn by_name(ran: &mut Ran, files: &[Upload]) {
    for file in files {
        let Some(paths) = Paths::of(file) else { continue };
        in_said(&mut ran.said, &paths);
        if let Err(Failure::Refused(message)) = &mut ran.outcome {
            message.arguments.iter_mut().for_each(|(_, value)| paths.rename(value));
        }
    }
}

/// The paths that one file has had: the folder is another one each time, all in one place, and in it the rest is the same.
struct Paths<'f> {
    /// The place of all folders.
    place: String,
    /// From the folder on.
    rest: String,
    name: &'f str,
}

impl<'f> Paths<'f> {
    fn of(file: &'f Upload) -> Option<Self> {
        let folder = file.path.parent()?.parent()?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let rest = text(file.path.strip_prefix(folder).ok()?);
        Some(Self { place: text(folder.parent()?), rest: format!("/{rest}"), name: &file.name })
    }

    fn rename(&self, text: &mut String) {
        while let Some(end) = text.find(&self.rest) {
            let Some(start) = text[..end].rfind(&self.place) else { return };
            text.replace_range(start..end + self.rest.len(), self.name);
        }
    }
}

fn in_said(said: &mut Said, paths: &Paths<'_>) {
    for piece in &mut said.pieces {
        match piece {
            Piece::Line(line) => paths.rename(line),
            Piece::Pairs(pairs) => pairs.iter_mut().for_each(|(_, value)| paths.rename(value)),
            Piece::Table { rows, .. } => rows.iter_mut().flatten().for_each(|cell| paths.rename(cell)),
        }
    }
    if let Some(object) = &mut said.object {
        in_value(object, paths);
    }
}

fn in_value(value: &mut Value, paths: &Paths<'_>) {
    match value {
        Value::String(text) => paths.rename(text),
        Value::Array(all) => all.iter_mut().for_each(|one| in_value(one, paths)),
        Value::Object(fields) => fields.values_mut().for_each(|one| in_value(one, paths)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn a_file_is_said_by_its_name_wherever_it_lies() {
        let path = "/tmp/.tmpHBuKPX/1/清单.csv";
        let file = Upload { parameter: "file".to_owned(), name: "清单.csv".to_owned(), path: path.into() };
        let line = |text: &str| Piece::Line(text.to_owned());
        let said = Said {
            object: Some(serde_json::json!({"files": [{"file": path}], "rows": 2})),
            pieces: vec![line("/tmp/.tmpOTHER/1/清单.csv：表头"), line("/srv/1/清单.csv")],
        };
        let outcome = Err(Message::new("common.refused").in_file(Path::new(path)).into());
        let mut ran = Ran { said, outcome };
        by_name(&mut ran, &[file]);
        assert_eq!(ran.said.object, Some(serde_json::json!({"files": [{"file": "清单.csv"}], "rows": 2})));
        assert_eq!(ran.said.pieces, [line("清单.csv：表头"), line("/srv/1/清单.csv")]);
        let Err(Failure::Refused(message)) = ran.outcome else { panic!("a refusal") };
        assert!(message.text(crate::Language::Zh).starts_with("清单.csv："));
    }
}
