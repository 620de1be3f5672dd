using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reads the predicted output: <c>{"type":"content","content":"..."}</c>, the content maybe in text parts.</summary>
internal static class PredictionReader
{
    private const string Name = "prediction";

    /// <summary>The predicted text; empty when there is none.</summary>
    public static string Read(JsonElement? prediction, FieldChecks checks)
    {
        if (prediction is not { } value || value.IsNull()) return "";
        if (TryRead(value, out var text, out var error)) return text;
        checks.Add(error);
        return "";
    }

    private static bool TryRead(JsonElement value, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out OpenAiError? error)
    {
        (text, error) = (null, null);
        if (value.ValueKind != JsonValueKind.Object) error = OpenAiError.WrongType(Name, "an object", value.Describe());
        else if (!value.TryGetProperty("type", out var type)) error = OpenAiError.Missing($"{Name}.type");
        else if (!type.TryGetText(out var kind)) error = OpenAiError.WrongType($"{Name}.type", "a string", type.Describe());
        else if (kind != "content") error = OpenAiError.OutOfRange($"{Name}.type", $"'{Name}.type' must be 'content', but is '{Excerpt.Of(kind)}'.");
        else if (!value.TryGetProperty("content", out var content)) error = OpenAiError.Missing($"{Name}.content");
        else if (ContentReader.TryRead(content, $"{Name}.content", ContentReader.ChatTypes, out var parts, out error)) text = string.Concat(parts);
        return error is null;
    }
}
