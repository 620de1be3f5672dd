using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;

namespace Gemma3Server.Responses;

/// <summary>Reads the input of a request into messages and references, or says which item is at fault.</summary>
internal static class InputReader
{
    private static readonly string[] Types = [ResponseContent.InputText, ResponseContent.OutputText];

    private static readonly string[] Roles = ["system", "developer", "user", "assistant"];

    // Fields of a message that mean nothing more than what has been read, and are in every answer that a client sends back.
    private static readonly string[] MessageFields = ["type", "id", "status", "role", "content"];

    public static bool TryRead(
        JsonElement? input, IgnoredParameters ignored, [NotNullWhen(true)] out List<InputPart>? parts, [NotNullWhen(false)] out OpenAiError? error)
    {
        (parts, error) = (null, null);
        if (input is not { } value || value.IsNull())
        {
            error = OpenAiError.Missing("input");
            return false;
        }

        if (value.ValueKind == JsonValueKind.String)
        {
            if (value.TryGetText(out var text)) parts = [new("input", "user", [text], null)];
            else error = OpenAiError.WrongType("input", "a string", value.Describe());
            return error is null;
        }

        if (value.ValueKind != JsonValueKind.Array) error = OpenAiError.WrongType("input", "a string or an array of items", value.Describe());
        else if (value.GetArrayLength() == 0) error = OpenAiError.OutOfRange("input", "'input' must have at least 1 item, but has 0.");
        else if (Count(value) is > MessageReader.MaxMessagesAndParts and var count)
        {
            error = OpenAiError.OutOfRange("input",
                $"'input' must have at most {MessageReader.MaxMessagesAndParts} items and content parts together, but has {count}.");
        }

        if (error is not null) return false;
        var read = new List<InputPart>(value.GetArrayLength());
        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (!TryItem(item, $"input[{index++}]", ignored, out var part, out error)) return false;
            if (part is not null) read.Add(part);
        }

        parts = read;
        return true;
    }

    private static long Count(JsonElement items) => items.GetArrayLength() + items.EnumerateArray().Sum(item =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.Array
            ? (long)content.GetArrayLength()
            : 0);

    /// <summary>Reads an item; the part is null when it has no effect.</summary>
    private static bool TryItem(
        JsonElement item, string name, IgnoredParameters ignored, out InputPart? part, [NotNullWhen(false)] out OpenAiError? error)
    {
        (part, error) = (null, null);
        if (item.ValueKind != JsonValueKind.Object)
        {
            error = OpenAiError.WrongType(name, "an object", item.Describe());
            return false;
        }

        // The type may be left out, of a message and of a reference.
        var hasType = item.TryGetProperty("type", out var type) && !type.IsNull();
        var kind = "message";
        if (hasType && !type.TryGetText(out kind!)) error = OpenAiError.WrongType($"{name}.type", "a string", type.Describe());
        else if (!hasType && !item.TryGetProperty("role", out _) && item.TryGetProperty("id", out _)) kind = "item_reference";
        if (error is not null) return false;

        switch (kind)
        {
            case "message":
                return TryMessage(item, name, ignored, out part, out error);
            case "item_reference":
                if (!item.TryGetProperty("id", out var id)) error = OpenAiError.Missing($"{name}.id");
                else if (!id.TryGetText(out var reference)) error = OpenAiError.WrongType($"{name}.id", "a string", id.Describe());
                else part = new(name, null, null, reference);
                return error is null;
            case "reasoning":
                // The thoughts of another model, which clients send back with its answers.
                ignored.Add("input[].reasoning");
                return true;
            case ResponseItem.FunctionCall:
                return TryCall(item, name, out part, out error);
            case ResponseItem.FunctionCallOutput:
                return TryOutput(item, name, out part, out error);
            default:
                error = OpenAiError.UnsupportedValue($"{name}.type",
                    $"'{name}.type' must be 'message', 'function_call', 'function_call_output' or 'item_reference' on this server, but is '{Excerpt.Of(kind)}'.");
                return false;
        }
    }

    private static bool TryCall(JsonElement item, string name, out InputPart? part, [NotNullWhen(false)] out OpenAiError? error)
    {
        part = null;
        string? function = null, arguments = null;
        error = ReadText(item, name, "call_id", out var id);
        error ??= ReadText(item, name, "name", out function);
        error ??= ReadText(item, name, "arguments", out arguments);
        if (error is null && !ToolReader.IsName(function!)) error = OpenAiError.OutOfRange($"{name}.name", ToolReader.NameFault($"{name}.name", function!));
        if (error is not null) return false;
        part = new(name, null, null, null, new()
        {
            Id = "",
            Type = ResponseItem.FunctionCall,
            Status = ResponseStatus.Completed,
            CallId = id,
            Name = function,
            Arguments = arguments,
        });
        return true;
    }

    private static bool TryOutput(JsonElement item, string name, out InputPart? part, [NotNullWhen(false)] out OpenAiError? error)
    {
        part = null;
        error = ReadText(item, name, "call_id", out var id);
        if (error is not null) return false;
        if (!item.TryGetProperty("output", out var output) || output.IsNull()) error = OpenAiError.Missing($"{name}.output");
        else if (ContentReader.TryRead(output, $"{name}.output", Types, out var texts, out error))
        {
            part = new(name, null, null, null, new()
            {
                Id = "",
                Type = ResponseItem.FunctionCallOutput,
                Status = ResponseStatus.Completed,
                CallId = id,
                Output = string.Concat(texts),
            });
        }

        return error is null;
    }

    private static OpenAiError? ReadText(JsonElement item, string name, string field, out string? text)
    {
        text = null;
        if (!item.TryGetProperty(field, out var value) || value.IsNull()) return OpenAiError.Missing($"{name}.{field}");
        return value.TryGetText(out text) ? null : OpenAiError.WrongType($"{name}.{field}", "a string", value.Describe());
    }

    private static bool TryMessage(
        JsonElement item, string name, IgnoredParameters ignored, out InputPart? part, [NotNullWhen(false)] out OpenAiError? error)
    {
        (part, error) = (null, null);
        string? role = null;
        if (!item.TryGetProperty("role", out var given)) error = OpenAiError.Missing($"{name}.role");
        else if (!given.TryGetText(out role)) error = OpenAiError.WrongType($"{name}.role", "a string", given.Describe());
        else if (!Roles.Contains(role))
        {
            error = OpenAiError.OutOfRange($"{name}.role",
                $"'{name}.role' must be one of {string.Join(", ", Roles)}, but is '{Excerpt.Of(role)}'.");
        }
        else if (!item.TryGetProperty("content", out var content) || content.IsNull()) error = OpenAiError.Missing($"{name}.content");
        else if (ContentReader.TryRead(content, $"{name}.content", Types, out var texts, out error)) part = new(name, role, texts, null);
        if (error is not null) return false;

        ignored.AddAll("input[].", item.EnumerateObject()
            .Where(field => !MessageFields.Contains(field.Name)).Select(field => KeyValuePair.Create(field.Name, field.Value)));
        return true;
    }
}
