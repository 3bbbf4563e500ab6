//! Small things that all panels are made of.

pub(crate) mod code;
mod facts;
pub(crate) mod format;
mod icon;
mod node;
mod parts;
mod table;

pub(crate) use facts::{Fact, facts};
pub(crate) use icon::{icon, icon_image, kind_icon, paint_icon};
pub(crate) use node::{event_look, node_colours, node_name, shade};
pub(crate) use parts::{beside, chip, empty, icon_button, link, primary, section, stat, switch};
pub(crate) use table::{TableState, elided, one_line, table, table_bar};
