// What a person has picked and what they have left out, by id, whether it is shown or not.
// No picture is both.

const MAX_STEPS_BACK = 20;

class Selection {
  constructor(changed) {
    this.changed = changed;
    this.picked = new Set();
    this.excluded = new Set();
    this.past = [];
  }

  // What was before is what the other query's link or memory says: no step to take back.
  restore(picked, excluded) {
    this.excluded = new Set(excluded);
    this.picked = new Set([...picked].filter((id) => !this.excluded.has(id)));
    this.past = [];
  }

  pick(ids, on) {
    const picked = new Set(this.picked);
    const excluded = new Set(this.excluded);
    for (const id of ids) {
      if (on) picked.add(id);
      else picked.delete(id);
      if (on) excluded.delete(id);
    }
    this.become(picked, excluded);
  }

  exclude(ids, on) {
    const picked = new Set(this.picked);
    const excluded = new Set(this.excluded);
    for (const id of ids) {
      if (on) excluded.add(id);
      else excluded.delete(id);
      if (on) picked.delete(id);
    }
    this.become(picked, excluded);
  }

  // All of `ids` but the excluded; what is picked elsewhere stays.
  pickAll(ids) {
    const picked = new Set(this.picked);
    for (const id of ids) if (!this.excluded.has(id)) picked.add(id);
    this.become(picked, this.excluded);
  }

  invert(ids) {
    const picked = new Set(this.picked);
    for (const id of ids) {
      if (this.picked.has(id)) picked.delete(id);
      else if (!this.excluded.has(id)) picked.add(id);
    }
    this.become(picked, this.excluded);
  }

  clear() {
    this.become(new Set(), this.excluded);
  }

  takeBack() {
    const before = this.past.pop();
    if (!before) return false;
    Object.assign(this, before);
    this.changed();
    return true;
  }

  become(picked, excluded) {
    this.past.push({ picked: this.picked, excluded: this.excluded });
    if (this.past.length > MAX_STEPS_BACK) this.past.shift();
    this.picked = picked;
    this.excluded = excluded;
    this.changed();
  }
}
