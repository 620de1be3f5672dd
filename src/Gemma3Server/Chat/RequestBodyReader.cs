using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reads a body into a request, or says where and why that cannot be done.</summary>
internal static class RequestBodyReader
{
    // A repeated field would hide one of its values.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Reads a body that must be one JSON object.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> body, out JsonElement root, [NotNullWhen(false)] out OpenAiError? error)
    {
        (root, error) = (default, null);
        if (!Utf8.IsValid(body.Span))
        {
            error = OpenAiError.Invalid(null, "The request body is not valid UTF-8.", "invalid_json");
            return false;
        }

        try
        {
            // The document is not disposed: fields that are read later refer to its memory. It rents nothing, as its input is ours.
            root = JsonDocument.Parse(WithoutByteOrderMark(body), Strict).RootElement;
        }
        catch (JsonException exception)
        {
            error = NotJson(exception);
            return false;
        }

        if (root.ValueKind != JsonValueKind.Object)
            error = OpenAiError.Invalid(null, $"The request body must be a JSON object, but is {root.Describe()}.", "invalid_type");
        return error is null;
    }

    /// <summary>Makes a request of a body.</summary>
    public static bool TryRead<T>(JsonElement root, JsonTypeInfo<T> type, [NotNullWhen(true)] out T? request, [NotNullWhen(false)] out OpenAiError? error)
        where T : class
    {
        (request, error) = (null, null);
        try
        {
            request = root.Deserialize(type);
        }
        catch (JsonException exception)
        {
            error = WrongType(type.Type, exception.Path ?? "$", root);
        }

        if (request is null) error ??= OpenAiError.Invalid(null, "The request body must be a JSON object.", "invalid_type");
        return error is null;
    }

    private static ReadOnlyMemory<byte> WithoutByteOrderMark(ReadOnlyMemory<byte> body) =>
        body.Span.StartsWith("\uFEFF"u8) ? body[3..] : body;

    private static OpenAiError NotJson(JsonException exception)
    {
        if (exception.LineNumber is null) return OpenAiError.Invalid(null, $"The request body is not valid JSON: {exception.Message}", "invalid_json");

        // JSON positions count from 0, people from 1.
        var position = string.Create(CultureInfo.InvariantCulture,
            $"line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}");
        var reason = exception.Message.Split(" LineNumber:", 2)[0];
        return OpenAiError.Invalid(null, $"The request body is not valid JSON at {position}: {reason}", "invalid_json");
    }

    private static OpenAiError WrongType(Type type, string path, JsonElement root)
    {
        // "$.messages[0].role": the name without the root, and the value found by walking down.
        var name = path.Length > 2 ? path[2..] : path;
        return OpenAiError.WrongType(name, RequestSchema.ExpectedType(type, name), RequestSchema.Find(root, name)?.Describe() ?? "another value");
    }
}
