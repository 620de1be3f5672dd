using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Engine;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Collects the events of a request's generations into one body.</summary>
/// <remarks>With <c>texts</c> the tokens' log-probabilities are reported.</remarks>
internal sealed class ChatCompletionWhole(
    HttpResponse response, ChatCompletionHead head, ParsedChat chat, GenerationMeasurements measurements, TokenText? texts)
{
    private readonly WholeAnswer[] _answers = [.. Enumerable.Range(0, chat.Choices).Select(_ => new WholeAnswer(chat.Tools))];
    private readonly string[] _finishReasons = new string[chat.Choices];

    /// <summary>Answers, and returns the texts; null when there was nothing but an error to answer with.</summary>
    /// <param name="generations">The admitted generations.</param>
    /// <param name="aborted">Fires when the client has gone.</param>
    public async Task<IReadOnlyList<string>?> WriteAsync(GenerationGroup generations, CancellationToken aborted)
    {
        var left = chat.Choices;
        while (left > 0 && await generations.MoveNextAsync(aborted))
        {
            var (index, current) = generations.Current;
            switch (current)
            {
                case GenerationEvent.Started started:
                    measurements.Started(started);
                    break;
                case GenerationEvent.Text part:
                    measurements.Generated(part.Tokens, index);
                    _answers[index].Append(part);
                    break;
                case GenerationEvent.Failed failed:
                    measurements.Failed(failed);
                    await response.WriteErrorAsync(failed.ToOpenAiError());
                    return null;
                case GenerationEvent.Finished finished:
                    measurements.Finished(finished, index);
                    _finishReasons[index] = finished.Reason.ToWireName(_answers[index].End());
                    left--;
                    break;
            }
        }

        // Events that end without an outcome: the generation was cancelled, so nobody reads the answer.
        if (left > 0)
        {
            aborted.ThrowIfCancellationRequested();
            return null;
        }

        var choices = new ChatCompletionChoice[chat.Choices];
        for (var i = 0; i < choices.Length; i++)
        {
            var logprobs = texts is null ? null : ChoiceLogprobs.Of(_answers[i].LogProbs, texts);
            choices[i] = new(i, _answers[i].Message, logprobs, _finishReasons[i]);
        }

        await response.WriteJsonAsync(Body(choices), OpenAiJsonContext.Relaxed.ChatCompletionResponse);
        return Array.ConvertAll(_answers, answer => answer.Text);
    }

    private ChatCompletionResponse Body(ChatCompletionChoice[] choices) => new()
    {
        Id = head.Id,
        Created = head.Created,
        Model = head.Model,
        ServiceTier = head.ServiceTier,
        SystemFingerprint = head.SystemFingerprint,
        Choices = choices,
        Usage = Usage.Of(measurements),
    };
}
