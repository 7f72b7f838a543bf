//! The arguments, from which help, completions and the man page are made.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::admin::Command;

/// Single-binary identity provider for small teams beside Rocket.Chat
#[derive(Debug, Parser)]
#[command(name = "gantry", version, propagate_version = true, infer_subcommands = false)]
pub struct Arguments {
    /// The configuration file
    #[arg(long, global = true, env = "GANTRY_CONFIG", default_value = "/etc/gantry/gantry.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the service
    Serve,
    /// Check the configuration and say everything that is wrong with it
    Check,
    /// Write a first configuration and keys; never overwrites
    Init(InitOptions),
    /// Start a trial in a folder of its own, with one user and the Rocket.Chat app
    Try(TryOptions),
    #[command(flatten)]
    Admin(Command),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
pub struct InitOptions {
    /// Public address of the service, such as https://id.example.org
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Where to listen: ADDRESS:PORT or unix:/PATH
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Address of Rocket.Chat, such as https://chat.example.org
    #[arg(long, value_name = "URL")]
    pub rocketchat: Option<String>,
    /// Where data is kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/gantry")]
    pub data_dir: PathBuf,
    /// Make a first administrator with this name; the password is asked for
    #[arg(long, value_name = "NAME")]
    pub admin: Option<String>,
    /// Ask nothing, take the defaults
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct TryOptions {
    /// The folder of the trial
    #[arg(long, value_name = "DIR", default_value = "gantry-try")]
    pub dir: PathBuf,
    /// The port to listen on
    #[arg(long, default_value_t = 8443)]
    pub port: u16,
}
