// Starts Swagger UI on the service's own document. In a file of its own: the page's policy allows no inline script.
"use strict";

// Every route has some ten errors, all of one form, which the page's introduction shows once: here a line each.
const ErrorsInBrief = () => ({
  wrapComponents: {
    response: (Whole, system) => (props) => {
      const { React } = system.getSystem();
      const content = props.response.get("content");
      const brief = /^[45]/.test(props.code) && content && content.size === 1 && content.has("application/problem+json");
      if (!brief) return React.createElement(Whole, props);
      const Markdown = system.getComponent("Markdown", true);
      const meaning = React.createElement(Markdown, { source: props.response.get("description") });
      return React.createElement(
        "tr",
        { className: "response", "data-code": props.code },
        React.createElement("td", { className: "response-col_status" }, props.code),
        React.createElement("td", { className: "response-col_description", colSpan: 2 }, meaning),
      );
    },
  },
});

window.ui = SwaggerUIBundle({
  dom_id: "#ui",
  url: new URL("openapi.json", document.baseURI).href,
  plugins: [ErrorsInBrief],
  deepLinking: true,
  // The routes are what people come for; the schemas below them open at a click.
  defaultModelsExpandDepth: 0,
  // Otherwise the document would be shown to a validator on the internet.
  validatorUrl: null,
});
