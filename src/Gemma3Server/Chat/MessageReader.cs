using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Turns the messages of a request into validated ones, or says which is at fault.</summary>
internal static class MessageReader
{
    /// <summary>
    /// Most messages and content parts together. Every turn costs tokens, so that even the longest context of Gemma 3 (131,072 tokens) holds
    /// fewer turns; the bound keeps a hostile body of 32 MiB from becoming millions of objects.
    /// </summary>
    public const int MaxMessagesAndParts = 100_000;

    private static readonly string[] ToolFields = ["tool_calls", "tool_call_id", "function_call", "audio"];

    public static bool TryRead(
        IReadOnlyList<ChatMessage?>? messages, IgnoredParameters ignored,
        [NotNullWhen(true)] out List<ChatEntry>? entries, [NotNullWhen(false)] out OpenAiError? error)
    {
        entries = null;
        if (messages is null)
        {
            error = OpenAiError.Missing("messages");
            return false;
        }

        if (Count(messages) is > MaxMessagesAndParts and var count)
        {
            error = OpenAiError.OutOfRange("messages",
                $"'messages' must have at most {MaxMessagesAndParts} messages and content parts together, but has {count}.");
            return false;
        }

        var read = new List<ChatEntry>(messages.Count);
        for (var i = 0; i < messages.Count; i++)
        {
            if (!TryRead(messages[i], $"messages[{i}]", ignored, out var entry, out error)) return false;
            read.Add(entry);
        }

        (entries, error) = (read, null);
        return true;
    }

    private static long Count(IReadOnlyList<ChatMessage?> messages) => messages.Count + messages.Sum(
        message => message?.Content is { ValueKind: JsonValueKind.Array } parts ? (long)parts.GetArrayLength() : 0);

    private static bool TryRead(
        ChatMessage? message, string name, IgnoredParameters ignored,
        [NotNullWhen(true)] out ChatEntry? entry, [NotNullWhen(false)] out OpenAiError? error)
    {
        entry = null;
        if (message is null)
        {
            error = OpenAiError.WrongType(name, "an object", "null");
            return false;
        }

        error = FindUnsupported(message, name);
        if (error is not null || !TryRole(message.Role, name, out var role, out error)) return false;
        if (!TryContent(message.Content, role, $"{name}.content", out var parts, out error)) return false;
        ignored.AddAll("messages[].", message.Others);
        entry = new(role, parts);
        return true;
    }

    private static OpenAiError? FindUnsupported(ChatMessage message, string name)
    {
        foreach (var field in ToolFields)
        {
            var given = message.Others is not null && message.Others.TryGetValue(field, out var value) && !value.IsNull()
                && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);
            if (given) return OpenAiError.UnsupportedParameter($"{name}.{field}", $"'{name}.{field}' is not supported by this server.");
        }

        return null;
    }

    private static bool TryRole(string? role, string name, out ChatRole value, [NotNullWhen(false)] out OpenAiError? error)
    {
        value = role switch
        {
            "system" or "developer" => ChatRole.System,
            "assistant" => ChatRole.Assistant,
            _ => ChatRole.User,
        };
        error = role switch
        {
            "system" or "developer" or "user" or "assistant" => null,
            null => OpenAiError.Missing($"{name}.role"),
            "tool" or "function" => OpenAiError.UnsupportedValue($"{name}.role",
                $"'{name}.role' is '{role}', but this server does not support tools."),
            _ => OpenAiError.OutOfRange($"{name}.role",
                $"'{name}.role' must be one of system, developer, user, assistant, but is '{Excerpt.Of(role)}'."),
        };
        return error is null;
    }

    private static bool TryContent(
        JsonElement? content, ChatRole role, string name, [NotNullWhen(true)] out string[]? parts, [NotNullWhen(false)] out OpenAiError? error)
    {
        (parts, error) = (null, null);
        if (content is not { } value || value.IsNull())
        {
            // Histories have answers without text: cut off before the first token, or calls of tools.
            if (role == ChatRole.Assistant)
            {
                parts = [];
                return true;
            }

            error = OpenAiError.Missing(name);
            return false;
        }

        if (value.TryGetText(out var text))
        {
            parts = [text];
            return true;
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
            if (!TryPart(element, $"{name}[{i}]", out var part, out error)) return false;
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

    private static bool TryPart(JsonElement part, string name, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out OpenAiError? error)
    {
        (text, error) = (null, null);
        if (part.ValueKind != JsonValueKind.Object)
        {
            error = OpenAiError.WrongType(name, "an object", part.Describe());
            return false;
        }

        if (!part.TryGetProperty("type", out var type)) error = OpenAiError.Missing($"{name}.type");
        else if (!type.TryGetText(out var kind)) error = OpenAiError.WrongType($"{name}.type", "a string", type.Describe());
        else if (kind == "image_url")
            error = OpenAiError.Invalid(name, $"'{name}' is an image, but the served model reads text only.", "image_input_not_supported");
        else if (kind is "input_audio" or "file" or "refusal")
            error = OpenAiError.UnsupportedValue($"{name}.type", $"'{name}.type' is '{kind}', but this server reads text parts only.");
        else if (kind != "text")
            error = OpenAiError.OutOfRange($"{name}.type", $"'{name}.type' must be 'text', but is '{Excerpt.Of(kind)}'.");
        else if (!part.TryGetProperty("text", out var value)) error = OpenAiError.Missing($"{name}.text");
        else if (!value.TryGetText(out text)) error = OpenAiError.WrongType($"{name}.text", "a string", value.Describe());
        return text is not null && error is null;
    }
}
