/// <reference types="vite/client" />

interface ImportMetaEnv {
  readonly VITE_FANFARE_URL?: string;
}
