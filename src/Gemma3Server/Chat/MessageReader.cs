using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat;

/// <summary>Turns the messages of a request into validated ones, or says which is at fault.</summary>
internal static class MessageReader
{
    /// <summary>
    /// Most messages and content parts together. Every turn costs tokens, so that even the longest context of Gemma 3 (131,072 tokens) holds
    /// fewer turns; the bound keeps a hostile body of 32 MiB from becoming millions of objects.
    /// </summary>
    public const int MaxMessagesAndParts = 100_000;

    /// <summary>What the messages of some roles may not have.</summary>
    private static readonly string[] Unsupported = ["function_call", "audio"];

    public static bool TryRead(
        IReadOnlyList<ChatMessage?>? messages, IgnoredParameters ignored,
        [NotNullWhen(true)] out List<ChatEntry>? entries, [NotNullWhen(false)] out OpenAiError? error, ToolCallForm form = ToolCallForm.Json)
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
        var tools = new ToolHistory(form);
        for (var i = 0; i < messages.Count; i++)
        {
            error = Read(messages[i], $"messages[{i}]", ignored, tools, read);
            if (error is not null) return false;
        }

        error = tools.MissingResult();
        if (error is null) entries = read;
        return error is null;
    }

    private static long Count(IReadOnlyList<ChatMessage?> messages) =>
        messages.Count + messages.Sum(message => Length(message?.Content) + Length(message?.ToolCalls));

    private static long Length(JsonElement? value) => value is { ValueKind: JsonValueKind.Array } list ? list.GetArrayLength() : 0;

    /// <summary>Adds what a message means to the conversation; results of tools only when all of them are there.</summary>
    private static OpenAiError? Read(ChatMessage? message, string name, IgnoredParameters ignored, ToolHistory tools, List<ChatEntry> entries)
    {
        if (message is null) return OpenAiError.WrongType(name, "an object", "null");
        var error = FindUnsupported(message, name) ?? CheckText(message, name, "name");
        if (error is not null || !TryRole(message.Role, name, out var role, out error)) return error;
        var isResult = message.Role == "tool";
        if (isResult && message.ToolCallId is null) return OpenAiError.Missing($"{name}.tool_call_id");
        if (!isResult)
        {
            if (tools.MissingResult() is { } missing) return missing;
            tools.Close();
        }

        if (!TryContent(message.Content, role, $"{name}.content", out var parts, out error)) return error;
        ignored.AddAll("messages[].", message.Others);
        if (isResult)
        {
            if (!tools.TryTake(message.ToolCallId!, Text(parts), name, out var results, out error)) return error;
            foreach (var result in results ?? []) entries.Add(new(ChatRole.User, [result]));
            return null;
        }

        if (IsGiven(message.ToolCalls))
        {
            if (!tools.TryBegin(message.ToolCalls!.Value, $"{name}.tool_calls", out var calls, out error)) return error;
            var text = Text(parts);
            parts = [text.Length > 0 ? $"{text}\n{calls}" : calls];
        }

        entries.Add(new(role, parts));
        return null;
    }

    /// <summary>The text of parts as it stands in the prompt.</summary>
    private static string Text(string[] parts) => string.Concat(parts.Select(PythonText.Strip));

    private static OpenAiError? FindUnsupported(ChatMessage message, string name)
    {
        foreach (var field in Unsupported)
        {
            if (message.Others is not null && message.Others.TryGetValue(field, out var value) && IsGiven(value))
                return Refuse(field, field == "function_call" ? "was replaced by 'tool_calls', which this server reads" : "is not supported by this server");
        }

        // Where they mean nothing.
        if (message.Role != "assistant" && IsGiven(message.ToolCalls)) return Refuse("tool_calls", "is only allowed in a message with the role 'assistant'");
        return message.Role != "tool" && message.ToolCallId is not null
            ? Refuse("tool_call_id", "is only allowed in a message with the role 'tool'")
            : null;

        OpenAiError Refuse(string field, string reason) => OpenAiError.UnsupportedParameter($"{name}.{field}", $"'{name}.{field}' {reason}.");
    }

    /// <summary>Whether a field says anything; an empty list is none.</summary>
    private static bool IsGiven(JsonElement? value) =>
        value is { } given && !given.IsNull() && !(given.ValueKind == JsonValueKind.Array && given.GetArrayLength() == 0);

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
