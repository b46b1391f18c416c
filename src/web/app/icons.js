// The few pictograms of the page. They repeat what the text beside them says
// and are hidden from screen readers.

import { html } from "./html.js";

/** @param {string} path @param {number} [size] */
const icon = (path, size = 20) => html`
  <svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" aria-hidden="true"
    stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">
    <path d=${path} />
  </svg>
`;

export const EyeIcon = () => icon("M2.500 12C5 7.600 8.200 5.500 12 5.500s7 2.100 9.500 6.500c-2.500 4.400-5.700 6.500-9.500 6.500S5 16.400 2.500 12Zm12.500 0a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z", 24);
export const SunIcon = () => icon("M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.600 5.600 7 7m10 10 1.400 1.400M5.600 18.400 7 17M17 7l1.400-1.400");
export const MoonIcon = () => icon("M20 14.500A8 8 0 1 1 9.500 4a6.500 6.500 0 0 0 10.500 10.500Z");
export const AutoIcon = () => icon("M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17Zm0 0v17m3-16.400v15.800m3-13.600v11.400");
export const BellIcon = () => icon("M12 4a5.500 5.500 0 0 0-5.500 5.500V14L5 16.500h14L17.500 14V9.500A5.500 5.500 0 0 0 12 4Zm-2 15.500a2.200 2.200 0 0 0 4 0");
export const ShutterIcon = () => icon("M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17Zm0 4a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9Z");
export const FilmIcon = () => icon("M4 5h16v14H4ZM8 5v14m8-14v14M4 9.700h4m8 0h4M4 14.300h4m8 0h4");
export const CheckIcon = () => icon("m5 12.500 4.500 4.500L19 7.500", 18);
export const CloseIcon = () => icon("M6 6l12 12M18 6 6 18");
export const CameraOffIcon = () => icon("m3 3 18 18M9.500 6H14a2 2 0 0 1 2 2v2.500l5-3v9l-2.200-1.300M16 16a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8c0-.7.3-1.300.9-1.700", 32);
export const CameraIcon = () => icon("M3 8a2 2 0 0 1 2-2h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8Zm13 2.500 5-3v9l-5-3", 32);
export const BackIcon = () => icon("m14.500 6-6 6 6 6");
export const ForthIcon = () => icon("m9.500 6 6 6-6 6");
export const WarnIcon = () => icon("M12 9v4.500m0 3v.01M10.300 4.500 2.800 17.300A2 2 0 0 0 4.500 20.300h15a2 2 0 0 0 1.700-3L13.700 4.500a2 2 0 0 0-3.400 0Z");
