//! 
pub fn render_explanation() {}
