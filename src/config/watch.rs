//! Notices that the configuration file has changed. What happens then is up to the caller.
