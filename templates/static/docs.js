// Starts the viewer of the programming interface. No validator: it would call an outside host.
"use strict";
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: document.getElementById("api-docs").dataset.schema,
    dom_id: "#api-docs",
    validatorUrl: null,
    deepLinking: true,
    defaultModelsExpandDepth: 0,
  });
});
