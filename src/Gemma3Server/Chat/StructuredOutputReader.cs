using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Structured;

namespace Gemma3Server.Chat;

/// <summary>Reads what an answer must look like: OpenAI's response format, and vLLM's <c>structured_outputs</c>.</summary>
internal static class StructuredOutputReader
{
    private const string Extension = "structured_outputs";

    private static readonly string[] Formats = ["text", "json_object", "json_schema"];

    private static readonly string[] Kinds = ["json", "regex", "choice", "grammar"];

    /// <summary>
    /// The grammar that a request asks for and the name of the field it stands in; null when any text will do. It is not compiled yet.
    /// </summary>
    /// <param name="format">The response format.</param>
    /// <param name="formatName">Its field.</param>
    /// <param name="nested">Whether a schema stands in a <c>json_schema</c> of its own, as in chat, or beside the type.</param>
    /// <param name="extension">The value of <c>structured_outputs</c>, where the endpoint has it.</param>
    /// <param name="checks">Takes the fault.</param>
    public static (GrammarDefinition Definition, string Field)? Read(
        JsonElement? format, string formatName, bool nested, JsonElement? extension, FieldChecks checks)
    {
        (GrammarDefinition Definition, string Field)? fromFormat = null, fromExtension = null;
        OpenAiError? error = null;
        if (format is { } given && !given.IsNull()) TryReadFormat(given, formatName, nested, out fromFormat, out error);
        checks.Add(error);
        if (extension is { } other && !other.IsNull()) TryReadExtension(other, out fromExtension, out error);
        checks.Add(error);
        if (fromFormat is not null && fromExtension is not null)
            checks.Add(OpenAiError.OutOfRange(Extension, $"'{Extension}' and '{formatName}' must not be given at the same time."));
        return fromFormat ?? fromExtension;
    }

    /// <summary>Compiles a grammar, so that the engine need not; returns what is wrong with it.</summary>
    public static OpenAiError? Compile((GrammarDefinition Definition, string Field)? grammar, InferenceEngine engine, CancellationToken cancellationToken)
    {
        if (grammar is not { } given || engine.CheckGrammar(given.Definition, cancellationToken) is not { } fault) return null;
        var place = string.IsNullOrEmpty(fault.Pointer) ? "" : $" at '{Excerpt.Of(fault.Pointer)}'";
        return OpenAiError.OutOfRange(given.Field, $"'{given.Field}' cannot be used{place}: {fault.Message}");
    }

    private static bool TryReadFormat(
        JsonElement value, string name, bool nested, out (GrammarDefinition, string)? grammar, [NotNullWhen(false)] out OpenAiError? error)
    {
        grammar = null;
        if (value.ValueKind != JsonValueKind.Object) error = OpenAiError.WrongType(name, "an object", value.Describe());
        else if (!value.TryGetProperty("type", out var type)) error = OpenAiError.Missing($"{name}.type");
        else if (!type.TryGetText(out var kind)) error = OpenAiError.WrongType($"{name}.type", "a string", type.Describe());
        else if (!Formats.Contains(kind)) error = OpenAiError.OutOfRange($"{name}.type", $"'{name}.type' must be one of {Words(Formats)}, but is '{Excerpt.Of(kind)}'.");
        else if (kind == "json_schema") return TryReadSchema(value, name, nested, out grammar, out error);
        else error = CheckKeys(value, name, ["type"]);
        if (error is null && value.GetProperty("type").ValueEquals("json_object")) grammar = (new(GrammarKind.JsonObject), name);
        return error is null;
    }

    private static bool TryReadSchema(
        JsonElement value, string name, bool nested, out (GrammarDefinition, string)? grammar, [NotNullWhen(false)] out OpenAiError? error)
    {
        grammar = null;
        if (nested)
        {
            if ((error = CheckKeys(value, name, ["type", "json_schema"])) is not null) return false;
            if (!value.TryGetProperty("json_schema", out var inner)) error = OpenAiError.Missing($"{name}.json_schema");
            else if (inner.ValueKind != JsonValueKind.Object) error = OpenAiError.WrongType($"{name}.json_schema", "an object", inner.Describe());
            if (error is not null) return false;
            (value, name) = (inner, $"{name}.json_schema");
        }

        error = CheckKeys(value, name, nested ? ["name", "description", "strict", "schema"] : ["type", "name", "description", "strict", "schema"]);
        if (error is not null) return false;
        if (!value.TryGetProperty("name", out var label)) error = OpenAiError.Missing($"{name}.name");
        else if (!label.TryGetText(out _)) error = OpenAiError.WrongType($"{name}.name", "a string", label.Describe());
        else if (value.TryGetProperty("description", out var about) && !about.IsNull() && !about.TryGetText(out _)) error = OpenAiError.WrongType($"{name}.description", "a string", about.Describe());
        else if (value.TryGetProperty("strict", out var strict) && strict.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null))
            error = OpenAiError.WrongType($"{name}.strict", "a boolean", strict.Describe());
        else if (!value.TryGetProperty("schema", out var schema) || schema.IsNull()) error = OpenAiError.Missing($"{name}.schema");
        else if (schema.ValueKind != JsonValueKind.Object) error = OpenAiError.WrongType($"{name}.schema", "an object", schema.Describe());
        else grammar = (new(GrammarKind.JsonSchema, schema.GetRawText()), $"{name}.schema");
        return error is null;
    }

    private static bool TryReadExtension(
        JsonElement value, out (GrammarDefinition, string)? grammar, [NotNullWhen(false)] out OpenAiError? error)
    {
        grammar = null;
        if (value.ValueKind != JsonValueKind.Object)
        {
            error = OpenAiError.WrongType(Extension, "an object", value.Describe());
            return false;
        }

        if ((error = CheckKeys(value, Extension, Kinds)) is not null) return false;
        var given = value.EnumerateObject().Where(p => !p.Value.IsNull()).ToArray();
        if (given.Length != 1)
        {
            error = OpenAiError.OutOfRange(Extension, $"'{Extension}' must have exactly one of {Words(Kinds)}, but has {given.Length}.");
            return false;
        }

        var (kind, content, field) = (given[0].Name, given[0].Value, $"{Extension}.{given[0].Name}");
        var isText = content.TryGetText(out var text);
        switch (kind)
        {
            case "json" when isText || content.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False:
                grammar = (new(GrammarKind.JsonSchema, text ?? content.GetRawText()), field);
                break;
            case "choice" when content.ValueKind == JsonValueKind.Array && content.EnumerateArray().All(item => item.TryGetText(out _)):
                grammar = (new(GrammarKind.Choice, content.GetRawText()), field);
                break;
            case "regex" or "grammar" when isText:
                grammar = (new(kind == "regex" ? GrammarKind.Regex : GrammarKind.Gbnf, text!), field);
                break;
            default:
                error = OpenAiError.WrongType(field, kind switch { "json" => "a schema", "choice" => "an array of strings", _ => "a string" }, content.Describe());
                break;
        }

        return error is null;
    }

    /// <summary>Refuses fields that are not known: each would change what the answer looks like.</summary>
    private static OpenAiError? CheckKeys(JsonElement value, string name, string[] known)
    {
        foreach (var property in value.EnumerateObject())
        {
            if (Array.Exists(known, k => property.NameEquals(k)) || property.Value.IsNull()) continue;
            return OpenAiError.UnsupportedParameter(name, $"'{name}' has a field that is not supported; it may have {Words(known)}.");
        }

        return null;
    }

    private static string Words(string[] words) => $"'{string.Join("', '", words)}'";
}
