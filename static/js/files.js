// A file that is too large is pointed out when it is chosen, not when it was sent for minutes.
document.addEventListener("change", ({ target }) => {
  if (!target.dataset.most) return;
  const tooLarge = [...target.files].some((file) => file.size > Number(target.dataset.most));
  target.setCustomValidity(tooLarge ? "This file is larger than 10 MB. Choose a smaller one, such as a screenshot." : "");
  if (!tooLarge) return;
  target.reportValidity();
  target.value = "";
});
