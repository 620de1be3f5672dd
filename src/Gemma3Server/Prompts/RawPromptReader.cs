using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Runtime;

namespace Gemma3Server.Prompts;

/// <summary>Reads prompts that stand outside of a conversation: a string, an array of strings, token ids, or arrays of token ids.</summary>
internal static class RawPromptReader
{
    private const string Expected = "a string, an array of strings, an array of token ids or an array of arrays of token ids";

    /// <summary>The prompts; empty after a fault, which goes to <paramref name="checks"/>.</summary>
    /// <param name="name">Name of the field.</param>
    /// <param name="value">Its value; null when it was not given.</param>
    /// <param name="most">Most prompts.</param>
    /// <param name="tokenizer">Says which token ids there are.</param>
    /// <param name="contextLength">Most token ids of a prompt.</param>
    /// <param name="checks">Keeps the fault.</param>
    public static IReadOnlyList<RawPrompt> Read(
        string name, JsonElement? value, int most, ITokenizer tokenizer, int contextLength, FieldChecks checks)
    {
        var prompts = new List<RawPrompt>();
        if (value is not { } given || given.IsNull()) checks.Add(OpenAiError.Missing(name));
        else if (given.ValueKind == JsonValueKind.String) Add(name, given);
        else if (given.ValueKind != JsonValueKind.Array) checks.Add(OpenAiError.WrongType(name, Expected, given.Describe()));
        else if (given.GetArrayLength() is 0) checks.Fail(name, Expected, "an empty array");
        else if (given[0].ValueKind == JsonValueKind.Number) Add(name, given);
        else if (given.GetArrayLength() is var count && count > most) checks.Fail(name, $"at most {most} prompts", $"{count}");
        else
        {
            var kind = given[0].ValueKind;
            var index = 0;
            foreach (var item in given.EnumerateArray())
            {
                var itemName = $"{name}[{index++}]";
                if (item.ValueKind == kind && kind is JsonValueKind.String or JsonValueKind.Array) Add(itemName, item);
                else checks.Add(OpenAiError.WrongType(itemName, kind == JsonValueKind.Array ? "an array of token ids" : "a string", item.Describe()));
                if (checks.Error is not null) break;
            }
        }

        return checks.Error is null ? prompts : [];

        void Add(string itemName, JsonElement item)
        {
            if (item.ValueKind == JsonValueKind.Array) prompts.Add(new(itemName, null, ReadTokens(itemName, item, tokenizer, contextLength, checks)));
            else if (item.TryGetText(out var text)) prompts.Add(new(itemName, text, null));
            else checks.Add(OpenAiError.WrongType(itemName, "a string", item.Describe()));
        }
    }

    /// <summary>Token ids; empty after a fault.</summary>
    public static int[] ReadTokens(string name, JsonElement array, ITokenizer tokenizer, int contextLength, FieldChecks checks)
    {
        var count = array.GetArrayLength();
        if (count == 0) checks.Fail(name, "at least 1 token id", "an empty array");
        if (count > contextLength) checks.Add(ContextLength.CheckLeast(name, count, contextLength));
        if (checks.Error is not null) return [];

        var tokens = new int[count];
        var index = 0;
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var token))
                checks.Add(OpenAiError.WrongType($"{name}[{index}]", "a token id", item.Describe()));
            else
                tokens[index] = checks.Integer($"{name}[{index}]", token, 0, 0, tokenizer.VocabularySize - 1);
            if (checks.Error is not null) return [];
            index++;
        }

        return tokens;
    }
}
