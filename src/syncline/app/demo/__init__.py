"""The demo: the data-sync recipe's API, deployed through public operations, and the page that shows it at work.

For: `syncline demo`. Owns: the recipe's files and the page's. Never: reaches into a room; any AWS client could do it.
"""

from syncline.app.demo.deploy import DemoConfig, DeploymentFailed, deploy_demo
from syncline.app.demo.pages import demo_routes

__all__ = ["DemoConfig", "DeploymentFailed", "demo_routes", "deploy_demo"]
