//! Passwords come from a prompt or from standard input, never from arguments.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use super::admin::tokens::MAX_FILE;
use super::admin::{Command, TokenCommand, TokenFiles, UserCommand};

/// Asks for what a command still needs, or reads it: files are the caller's, not the service's.
pub(super) fn complete(command: &mut Command) -> Result<(), Failure> {
    if let Command::Token(TokenCommand::Import { file, key, users, content }) = command {
        let read_if = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
        *content = Some(TokenFiles { list: read(file)?, key: read_if(key)?, users: read_if(users)? });
        return Ok(());
    }
    let (who, password) = match command {
        Command::User(UserCommand::Add { username, without_password: false, password, .. }) => {
            (username, password)
        }
        Command::User(UserCommand::ResetPassword { who, password }) => (who, password),
        _ => return Ok(()),
    };
    *password = Some(new_password(who)?);
    Ok(())
}

/// A file of moderate size.
fn read(path: &Path) -> Result<String, Failure> {
    let wrong = |error: io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(wrong)?;
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(wrong)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(Failure::new(format!("{} is too long", path.display())).hint("split it"));
    }
    Ok(text)
}

/// A new password, typed twice on a terminal, else the first line of standard input.
pub(super) fn new_password(who: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return first_line();
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map_err(Failure::new);
    let first = ask(format!("New password of {who}: "))?;
    if ask("The same again: ".to_owned())? == first {
        return Ok(first);
    }
    Err(Failure::new("the two passwords differ").hint("try again; nothing was changed"))
}

fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(Failure::new)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        let hint =
            "on a terminal it is asked for; in a script: printf '%s\\n' \"$PASSWORD\" | gantry user add NAME";
        return Err(Failure::new("no password on standard input").hint(hint));
    }
    Ok(password.to_owned())
}

/// A line of text with a default.
pub(super) fn line(question: &str, default: &str) -> Result<String, Failure> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [{default}]: ").and_then(|()| stderr.flush()).map_err(Failure::new)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(Failure::new)?;
    let line = line.trim();
    Ok(if line.is_empty() { default.to_owned() } else { line.to_owned() })
}
