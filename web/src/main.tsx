import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Root } from "./app";
import { admitOwnStyles } from "./shared/nonce";
import "./style.css";

admitOwnStyles();

const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <Root />
    </StrictMode>,
  );
}
