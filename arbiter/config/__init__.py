"""Configuration: one TOML file and the environment, for the command and for services; see docs/configuration.md."""

from arbiter.config.file import ConfigFile, find_file, read_file, template
from arbiter.config.option import Mark, Option, WrongValueError, option_of, without_password
from arbiter.config.serving import from_config, serve_tables
from arbiter.config.settings import AUDIT_KEY, DEFAULTS, PLUGINS, Setting, Settings, read_settings, variable
from arbiter.config.shared import COMMANDS, SHARED

__all__ = [
    "AUDIT_KEY",
    "COMMANDS",
    "DEFAULTS",
    "PLUGINS",
    "SHARED",
    "ConfigFile",
    "Mark",
    "Option",
    "Setting",
    "Settings",
    "WrongValueError",
    "find_file",
    "from_config",
    "option_of",
    "read_file",
    "read_settings",
    "serve_tables",
    "template",
    "variable",
    "without_password",
]
