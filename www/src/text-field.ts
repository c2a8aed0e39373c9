/** Matches what one types into, where single keys are letters. */
export const textField = "input:not([type=range], [type=checkbox], [type=file]), textarea, select, [contenteditable]";
