// Starts Swagger UI on the service's own document. In a file of its own: the page's policy allows no inline script.
"use strict";

window.ui = SwaggerUIBundle({
  dom_id: "#ui",
  url: new URL("openapi.json", document.baseURI).href,
  deepLinking: true,
  // The routes are what people come for; the schemas below them open at a click.
  defaultModelsExpandDepth: 0,
  // Otherwise the document would be shown to a validator on the internet.
  validatorUrl: null,
});
