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

    private static readonly string[] ToolResultFields = ["tool_calls", "function_call", "audio"];

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

        error = FindUnsupported(message, name) ?? CheckText(message, name, "name");
        if (error is not null || !TryRole(message.Role, name, out var role, out error)) return false;
        if (message.Role == "tool" && (error = CheckToolResult(message, name)) is not null) return false;
        if (!TryContent(message.Content, role, $"{name}.content", out var parts, out error)) return false;
        ignored.AddAll("messages[].", message.Others?.Where(field => field.Key != "tool_call_id"));
        entry = new(role, parts);
        return true;
    }

    private static OpenAiError? FindUnsupported(ChatMessage message, string name)
    {
        foreach (var field in message.Role == "tool" ? ToolResultFields : ToolFields)
        {
            var given = message.Others is not null && message.Others.TryGetValue(field, out var value) && !value.IsNull()
                && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);
            if (given) return OpenAiError.UnsupportedParameter($"{name}.{field}", $"'{name}.{field}' is not supported by this server.");
        }

        return null;
    }

    /// <summary>Which call a result belongs to stands in the text's order here; OpenAI requires the id all the same.</summary>
    private static OpenAiError? CheckToolResult(ChatMessage message, string name) =>
        message.Others is not null && message.Others.TryGetValue("tool_call_id", out var id) && !id.IsNull()
            ? CheckText(message, name, "tool_call_id")
            : OpenAiError.Missing($"{name}.tool_call_id");

    private static OpenAiError? CheckText(ChatMessage message, string name, string field) =>
        message.Others is not null && message.Others.TryGetValue(field, out var value) && !value.IsNull() && !value.TryGetText(out _)
            ? OpenAiError.WrongType($"{name}.{field}", "a string", value.Describe())
            : null;

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
            "system" or "developer" or "user" or "assistant" or "tool" => null,
            null => OpenAiError.Missing($"{name}.role"),
            "function" => OpenAiError.UnsupportedValue($"{name}.role", $"'{name}.role' is 'function', which 'tool' has replaced."),
            _ => OpenAiError.OutOfRange($"{name}.role",
                $"'{name}.role' must be one of system, developer, user, assistant, tool, but is '{Excerpt.Of(role)}'."),
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

        return ContentReader.TryRead(value, name, ContentReader.ChatTypes, out parts, out error);
    }
}
