//! The man page: one, with every command in it.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// Writes the page of `command` in roff.
pub(super) fn write(mut command: Command, out: &mut impl Write) -> io::Result<()> {
    command.build();
    let page = Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_options_section(out)?;
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    describe_all(&mut command, &mut roff);
    roff.to_writer(out)?;
    page.render_version_section(out)
}

/// Those that do something, in the order of the help.
fn describe_all(command: &mut Command, roff: &mut Roff) {
    if !command.has_subcommands() {
        return describe(command, roff);
    }
    for below in command.get_subcommands_mut() {
        if !below.is_hide_set() && below.get_name() != "help" {
            describe_all(below, roff);
        }
    }
}

fn describe(command: &mut Command, roff: &mut Roff) {
    let usage = command.render_usage().to_string();
    // A hyphen that can be pasted.
    let usage = usage.trim_start_matches("Usage: ").replace('-', r"\-");
    roff.control("SS", [usage.as_str()]);
    roff.text([roman(help(command.get_long_about().or(command.get_about())))]);
    let own = |arg: &&Arg| !arg.is_global_set() && arg.get_id() != "help" && arg.get_id() != "version";
    for arg in command.get_arguments().filter(own) {
        let mut text = help(arg.get_long_help().or(arg.get_help()));
        for (title, values) in [("default", defaults(arg)), ("one of", choices(arg))] {
            if !values.is_empty() {
                text = format!("{text} [{title}: {}]", values.join(", "));
            }
        }
        // What needs no words stands in the usage.
        if !text.is_empty() {
            roff.control("TP", []);
            roff.text([bold(arg.to_string())]);
            roff.text([roman(text.trim_start())]);
        }
    }
}

fn defaults(arg: &Arg) -> Vec<String> {
    let takes_value = arg.get_action().takes_values();
    let all = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
    all.filter(|_| takes_value).collect()
}

fn choices(arg: &Arg) -> Vec<String> {
    let takes_value = arg.get_action().takes_values();
    let all = arg.get_possible_values().into_iter().filter(|value| takes_value && !value.is_hide_set());
    all.map(|value| value.get_name().to_owned()).collect()
}

/// In one paragraph.
fn help(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::arguments::Arguments;

    #[test]
    fn the_page_has_every_command_and_names_no_other_page() {
        let mut page = Vec::new();
        write(Arguments::command(), &mut page).expect("written");
        let page = String::from_utf8(page).expect("text").replace('\\', "");
        for command in ["gantry serve", "gantry user add", "gantry app invite", "gantry policy replay"] {
            assert!(page.contains(&format!(".SS \"{command} ")), "{command}");
        }
        assert!(page.contains("Put into this group; may be repeated"));
        assert!(page.contains("[default: /var/lib/gantry]") && page.contains("[one of: bash, "), "{page}");
        assert!(!page.contains("(1)") && !page.contains("policy administrators"), "{page}");
    }
}
