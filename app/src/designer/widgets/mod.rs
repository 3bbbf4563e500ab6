//! Small things that all panels are made of.

pub(crate) mod format;
mod icon;
mod parts;

pub(crate) use icon::{icon, icon_image, kind_icon, paint_icon};
pub(crate) use parts::{chip, empty, icon_button, link, primary, section, stat, switch};
