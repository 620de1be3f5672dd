using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reads a content that is a text or a list of parts, of which this server takes those of text.</summary>
/// <remarks>How a part of text is called depends on the endpoint.</remarks>
internal static class ContentReader
{
    /// <summary>What the chat's parts of text are called.</summary>
    public static readonly string[] ChatTypes = ["text"];

    public static bool TryRead(
        JsonElement value, string name, string[] types, [NotNullWhen(true)] out string[]? parts, [NotNullWhen(false)] out OpenAiError? error)
    {
        (parts, error) = (null, null);
        if (value.ValueKind == JsonValueKind.String)
        {
            if (value.TryGetText(out var text)) parts = [text];
            else error = OpenAiError.WrongType(name, "a string", value.Describe());
            return parts is not null;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            error = OpenAiError.WrongType(name, "a string or an array of parts", value.Describe());
            return false;
        }

        var read = new string[value.GetArrayLength()];
        var i = 0;

        // By enumeration: an index into a JSON array is found by walking from its start.
        foreach (var element in value.EnumerateArray())
        {
            if (!TryPart(element, $"{name}[{i}]", types, out var part, out error)) return false;
            read[i++] = part;
        }

        if (read.Length == 0)
        {
            error = OpenAiError.OutOfRange(name, $"'{name}' must have at least 1 part, but has 0.");
            return false;
        }

        parts = read;
        return true;
    }

    private static bool TryPart(
        JsonElement part, string name, string[] types, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out OpenAiError? error)
    {
        (text, error) = (null, null);
        if (part.ValueKind != JsonValueKind.Object)
        {
            error = OpenAiError.WrongType(name, "an object", part.Describe());
            return false;
        }

        if (!part.TryGetProperty("type", out var type)) error = OpenAiError.Missing($"{name}.type");
        else if (!type.TryGetText(out var kind)) error = OpenAiError.WrongType($"{name}.type", "a string", type.Describe());
        else if (kind is "image_url" or "image" or "input_image")
            error = OpenAiError.Invalid(name, $"'{name}' is an image, but the served model reads text only.", "image_input_not_supported");
        else if (kind is "input_audio" or "file" or "input_file" or "refusal")
            error = OpenAiError.UnsupportedValue($"{name}.type", $"'{name}.type' is '{kind}', but this server reads text parts only.");
        else if (!types.Contains(kind))
            error = OpenAiError.OutOfRange($"{name}.type", $"'{name}.type' must be '{string.Join("' or '", types)}', but is '{Excerpt.Of(kind)}'.");
        else if (!part.TryGetProperty("text", out var value)) error = OpenAiError.Missing($"{name}.text");
        else if (!value.TryGetText(out text)) error = OpenAiError.WrongType($"{name}.text", "a string", value.Describe());
        return text is not null && error is null;
    }
}
