import type { CheckAnswer, Schema } from "../answers.ts";
import { blankOf, edited, fieldKind, memberOf, type Path, pathText, typedNumber } from "./arguments.ts";
import { outside, type Shown } from "./elements.ts";
import { html, nothing, type TemplateResult } from "./lit-html.js";

/** A form of arguments. */
export interface SchemaFormOptions {
  readonly problems: CheckAnswer["problems"];
  /** Changes the value at a path; `undefined` takes it out. */
  onChange(path: Path, value: unknown): void;
}

/** A field, and where it is. */
interface Field {
  readonly schema: Schema;
  readonly path: Path;
  readonly value: unknown;
  readonly label: string;
  readonly isRequired: boolean;
}

/** The fields of an object, made from its schema. */
export function schemaForm(schema: Schema, value: unknown, options: SchemaFormOptions): TemplateResult {
  return html`${new SchemaForm(options).fields({ schema, path: [], value, label: "", isRequired: true })}`;
}

class SchemaForm {
  readonly #options: SchemaFormOptions;

  constructor(options: SchemaFormOptions) {
    this.#options = options;
  }

  fields({ schema, path, value }: Field): Shown[] {
    const { properties = {}, required = [] } = schema;
    return Object.entries(properties).map(([name, inner]) =>
      this.#field({
        schema: edited(inner),
        path: [...path, name],
        value: memberOf(value, name),
        label: name,
        isRequired: required.includes(name),
      }),
    );
  }

  #field(field: Field): TemplateResult {
    const kind = fieldKind(field.schema);
    if (kind === "list" || kind === "fields" || kind === "map") return this.#group(field);
    const id = `field-${pathText(field.path)}`;
    const found = this.#problems(field.path);
    return html`<div class="field">
      <label for=${id}>${outside(field.label)} ${this.#rules(field)}</label>
      ${this.#input(field, id)} ${this.#help(field, id)}
      <div class="field-problems" id=${`${id}-problems`}>${found}</div>
    </div>`;
  }

  #input(field: Field, id: string): TemplateResult {
    const { schema, path, value, isRequired } = field;
    const change = (next: unknown): void => this.#options.onChange(path, next);
    const typed = (event: Event): string => (event.target as HTMLInputElement).value;
    const described = `${id}-help ${id}-problems`;
    const invalid = this.#problems(path).length > 0 ? "true" : "false";
    switch (fieldKind(schema)) {
      case "choice":
        return html`<select id=${id} aria-describedby=${described} aria-invalid=${invalid}
          @change=${(event: Event) => change(typed(event) === "" ? undefined : typed(event))}>
          ${isRequired ? nothing : html`<option value="" .selected=${value === undefined}>not set</option>`}
          ${schema.enum?.map((each) => html`<option .selected=${each === value}>${each}</option>`)}
        </select>`;
      case "boolean":
        return html`<input type="checkbox" id=${id} aria-describedby=${described} aria-invalid=${invalid}
          .checked=${value === true} @change=${(event: Event) => change((event.target as HTMLInputElement).checked)}>`;
      case "number":
        return html`<input id=${id} inputmode="decimal" autocomplete="off" aria-describedby=${described}
          aria-invalid=${invalid} .value=${value === undefined ? "" : String(value)}
          @input=${(event: Event) => change(typedNumber(typed(event)))}>`;
      case "text":
        return html`<input id=${id} autocomplete="off" spellcheck="false" aria-describedby=${described}
          aria-invalid=${invalid} .value=${typeof value === "string" ? value : ""}
          @input=${(event: Event) => change(typed(event) === "" && !isRequired ? undefined : typed(event))}>`;
      default:
        return html`<textarea id=${id} rows="3" spellcheck="false" aria-describedby=${described} aria-invalid=${invalid}
          .value=${value === undefined ? "" : JSON.stringify(value)}
          @change=${(event: Event) => change(parsed(typed(event)))}></textarea>`;
    }
  }

  /** A list, an object or a map, with buttons that add and take out. */
  #group(field: Field): TemplateResult {
    const { schema, path, value, label } = field;
    const kind = fieldKind(schema);
    const isSet = value !== undefined;
    return html`<fieldset>
      <legend>${outside(label)} ${this.#rules(field)}</legend>
      ${this.#help(field, `field-${pathText(path)}`)}
      <div class="field-problems">${this.#problems(path)}</div>
      ${kind === "list" ? this.#items(field) : kind === "map" ? this.#entries(field) : nothing}
      ${kind === "fields" && isSet ? this.fields(field) : nothing}
      ${kind === "fields" && !field.isRequired ? this.#toggle(field, isSet) : nothing}
    </fieldset>`;
  }

  #toggle({ schema, path, label }: Field, isSet: boolean): TemplateResult {
    const toggle = (): void => this.#options.onChange(path, isSet ? undefined : blankOf(schema));
    return html`<button type="button" class="quiet" @click=${toggle}>${isSet ? "Remove" : "Set"} ${label}</button>`;
  }

  #items({ schema, path, value, label }: Field): TemplateResult {
    const items = Array.isArray(value) ? (value as readonly unknown[]) : [];
    const item = edited(schema.items ?? {});
    const add = (): void => this.#options.onChange([...path, items.length], blankOf(item));
    return html`${items.map(
      (each, index) => html`<div class="item">
        ${this.#field({ schema: item, path: [...path, index], value: each, label: `${label} ${index + 1}`, isRequired: true })}
        <button type="button" class="quiet" aria-label=${`Remove ${label} ${index + 1}`}
          @click=${() => this.#options.onChange([...path, index], undefined)}>Remove</button>
      </div>`,
    )}<button type="button" class="quiet" @click=${add}>Add to ${label}</button>`;
  }

  #entries({ schema, path, value, label }: Field): TemplateResult {
    const entries = Object.entries((value ?? {}) as Readonly<Record<string, unknown>>);
    const inner = edited(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {});
    const add = (event: Event): void => {
      const input = (event.currentTarget as Element).parentElement?.querySelector("input");
      if (!input || input.value === "") return;
      this.#options.onChange([...path, input.value], blankOf(inner));
      input.value = "";
    };
    return html`${entries.map(
      ([name, each]) => html`<div class="item">
        ${this.#field({ schema: inner, path: [...path, name], value: each, label: name, isRequired: true })}
        <button type="button" class="quiet" aria-label=${`Remove ${name}`}
          @click=${() => this.#options.onChange([...path, name], undefined)}>Remove</button>
      </div>`,
    )}
      <div class="item">
        <input aria-label=${`Name of a new entry of ${label}`} placeholder="name">
        <button type="button" class="quiet" @click=${add}>Add to ${label}</button>
      </div>`;
  }

  #rules({ schema, isRequired }: Field): TemplateResult {
    const { type, minimum, maximum, minLength, maxLength, minItems, maxItems, format } = schema;
    const range = (least: unknown, most: unknown, unit: string): string[] =>
      least === undefined && most === undefined ? [] : [`${limitText(least)} to ${limitText(most)}${unit}`];
    const texts = [
      ...(isRequired ? ["required"] : []),
      ...(typeof type === "string" ? [type] : []),
      ...(typeof format === "string" ? [format] : []),
      ...range(minimum, maximum, ""),
      ...range(minLength, maxLength, " characters"),
      ...range(minItems, maxItems, " items"),
    ];
    return html`<span class="rules">${texts.join(", ")}</span>`;
  }

  #help({ schema }: Field, id: string): TemplateResult {
    return html`<div class="help" id=${`${id}-help`}>${schema.description === undefined ? nothing : outside(schema.description)}</div>`;
  }

  #problems(path: Path): TemplateResult[] {
    const text = pathText(path);
    return this.#options.problems
      .filter(({ field }) => field === text)
      .map(({ message }) => html`<p>${outside(message)}</p>`);
  }
}

function limitText(limit: unknown): string {
  return typeof limit === "number"
    ? limit.toLocaleString("en-US", { maximumFractionDigits: 20 })
    : String(limit ?? "…");
}

/** JSON that was typed; text that is none stays text, which the check then names. */
function parsed(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
