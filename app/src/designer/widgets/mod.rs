//! Small things that all panels are made of.

pub(crate) mod format;
mod icon;
mod node;
mod parts;

pub(crate) use icon::{icon, icon_image, kind_icon, paint_icon};
pub(crate) use node::{event_look, kind_title, node_colours, node_name, shade};
pub(crate) use parts::{chip, empty, icon_button, link, section, stat, switch};
