"use strict";
// What the page shows: all of it, one account, or one package. A package is found by typing a part
// of its name or its id.

const accountSelect = document.getElementById("account"); // null if there is only one account
const packageInput = document.getElementById("package"); // null if there are no jobs
const packageList = document.getElementById("packages");

/** Return the index of the account and of the package, null for all, and the packages of both. */
function chosenOf(account, only) {
  const ofAccount = report.packages.flatMap((each, index) =>
    account === null || each.account === account ? [index] : [],
  );
  return {
    account: only === null ? account : report.packages[only].account,
    only,
    packages: only === null ? ofAccount : [only],
    isAll: account === null && only === null,
  };
}

function chosenAccount() {
  if (!accountSelect || accountSelect.value === "") return null;
  return report.accounts.indexOf(accountSelect.value);
}

/** Return the packages of the chosen account whose label, name or id is a text, or contains it. */
function packagesLike(text) {
  const wanted = text.trim().toLowerCase();
  const { packages } = chosenOf(chosenAccount(), null);
  const of = (index) => report.packages[index];
  const same = packages.filter((index) =>
    [of(index).label, of(index).name, packageKey(index)].some((each) => each.toLowerCase() === wanted),
  );
  if (same.length) return same;
  return packages.filter((index) => of(index).label.toLowerCase().includes(wanted));
}

/** Put the labels of the chosen account's packages into the list that the field suggests. */
function suggestPackages() {
  const options = chosenOf(chosenAccount(), null).packages.map((index) => {
    const option = document.createElement("option");
    option.value = report.packages[index].label;
    return option;
  });
  packageList.replaceChildren(...options);
}

function scopeOf({ account, only, isAll }) {
  if (only !== null) return packageName(only);
  if (!isAll) return report.accounts[account];
  return report.accounts.length > 1 ? `all ${report.accounts.length} accounts` : "all packages";
}
