/** The parts that pages are made of. */
export { Button } from "./button.tsx";
export { Badge, Chip, StatusBadge, type Tone, TypeDot } from "./chip.tsx";
export { CopyButton, copyText } from "./copy-button.tsx";
export { Icon, type IconName } from "./icon.tsx";
export { KeyValue } from "./key-value.tsx";
export { about, reading } from "./shell.tsx";
export { Empty, ErrorState, Loading } from "./states.tsx";
export { type Tab, Tabs } from "./tabs.tsx";
export { Time } from "./time.tsx";
export { Tooltip } from "./tooltip.tsx";
export { type RowsHandle, VirtualRows } from "./virtual-rows.tsx";
