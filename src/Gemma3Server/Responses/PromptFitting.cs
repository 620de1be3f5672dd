using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;

namespace Gemma3Server.Responses;

/// <summary>Makes a conversation fit into the context: as it is, or without items from its beginning.</summary>
internal sealed class PromptFitting(PromptTokenizer prompts)
{
    private const string Param = "input";

    /// <summary>What is left of the context for the answer, at least, where items are dropped and the request says nothing.</summary>
    private const int LeastShareOfAnswer = 8;

    /// <param name="entries">The messages; system messages in front are never dropped, and neither is the last one with what it is the result of.</param>
    /// <param name="preamble">What stands in the first user turn, before what the user says.</param>
    /// <param name="askedTokens">Tokens that the answer is to have at most, if the request says so.</param>
    /// <param name="truncate">Whether items may be dropped.</param>
    /// <param name="contextLength">The server's.</param>
    /// <param name="cancellationToken">Fires when the client has gone.</param>
    public async Task<FittedPrompt> FitAsync(
        List<ChatEntry> entries, string preamble, int? askedTokens, bool truncate, int contextLength, CancellationToken cancellationToken)
    {
        var whole = await TryAsync(entries, preamble, askedTokens, contextLength, cancellationToken);
        if (whole.Error is null || !truncate) return whole;

        // Fewer messages never have more tokens, so that the first start that fits is found by halving. Results go with their calls.
        var front = entries.TakeWhile(entry => entry.Role == ChatRole.System).Count();
        var starts = Enumerable.Range(front, entries.Count - front).Skip(1).Where(i => entries[i].Role != ChatRole.Assistant && !entries[i].IsResult).ToList();
        var room = askedTokens ?? contextLength / LeastShareOfAnswer;
        FittedPrompt? best = null;
        var (low, high) = (0, starts.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var tried = await TryAsync([.. entries.Take(front), .. entries.Skip(starts[middle])], preamble, room, contextLength, cancellationToken);
            if (tried.Error is null) (best, high) = (tried, middle - 1);
            else low = middle + 1;
        }

        if (best is not null) return best;
        return starts.Count == 0
            ? whole
            : await TryAsync([.. entries.Take(front), .. entries.Skip(starts[^1])], preamble, askedTokens, contextLength, cancellationToken);
    }

    /// <summary>The tokens of a conversation, however many; only what cannot fit by far is refused before it is tokenized.</summary>
    public async Task<FittedPrompt> TokenizeAsync(List<ChatEntry> entries, string preamble, int contextLength, CancellationToken cancellationToken)
    {
        if (!Conversation.TryCreate(entries, out var conversation, out var error, preamble: preamble)) return Refuse(error);
        if (ContextLength.CheckLeast(Param, prompts.Template!.LeastTokens(conversation), contextLength) is { } tooLong) return Refuse(tooLong);
        var boundaries = new List<int>();
        var tokens = await prompts.TokenizeAsync(conversation, boundaries, cancellationToken);
        return new(conversation, tokens, [.. boundaries]);
    }

    private async Task<FittedPrompt> TryAsync(
        List<ChatEntry> entries, string preamble, int? askedTokens, int contextLength, CancellationToken cancellationToken)
    {
        var prompt = await TokenizeAsync(entries, preamble, contextLength, cancellationToken);
        return prompt.Error is not null ? prompt : prompt with { Error = ContextLength.Check(Param, prompt.Tokens.Length, askedTokens, contextLength) };
    }

    private static FittedPrompt Refuse(OpenAiError error) => new(null, [], [], error);
}
