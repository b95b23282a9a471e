# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings; see __main__.py."""

project = "euystacio.meta_salvage"
copyright = "2026 Euystacio Meta Salvage contributors"  # noqa: A001
extensions = ["sphinx_antsibull_ext", "tools.docs_site.markdown_pages", "tools.docs_site.foreign"]
html_theme = "sphinx_ansible_theme"
html_theme_options = {"vcs_pageview_mode": "", "documentation_home_url": "", "topbar_links": {}}
html_show_sphinx = False
html_use_smartypants = False
highlight_language = "text"
nitpicky = False
