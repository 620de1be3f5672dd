using System.Text;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Completions;

/// <summary>Collects the events of a request's generations into one body, and chooses the best where there are more than asked for.</summary>
internal sealed class CompletionWhole(
    HttpResponse response, CompletionHead head, ParsedCompletion completion, GenerationMeasurements measurements, TokenText? texts)
{
    private readonly CompletionUsage _usage = new(completion, measurements);
    private readonly StringBuilder[] _texts = [.. completion.Requests.Select(_ => new StringBuilder())];
    private readonly List<TokenLogProbs>[] _logProbs = [.. completion.Requests.Select(_ => new List<TokenLogProbs>())];
    private readonly string[] _finishReasons = new string[completion.Requests.Count];

    /// <param name="generations">The admitted generations.</param>
    /// <param name="aborted">Fires when the client has gone.</param>
    public async Task WriteAsync(GenerationGroup generations, CancellationToken aborted)
    {
        var left = completion.Requests.Count;
        while (left > 0 && await generations.MoveNextAsync(aborted))
        {
            var (index, current) = generations.Current;
            switch (current)
            {
                case GenerationEvent.Started started:
                    _usage.Started(started, index);
                    break;
                case GenerationEvent.Text part:
                    measurements.Generated(part.Tokens, index);
                    _texts[index].Append(part.Value);
                    _logProbs[index].AddRange(part.LogProbs);
                    break;
                case GenerationEvent.Failed failed:
                    measurements.Failed(failed);
                    await response.WriteErrorAsync(failed.ToOpenAiError());
                    return;
                case GenerationEvent.Finished finished:
                    measurements.Finished(finished, index);
                    _finishReasons[index] = finished.Reason.ToWireName();
                    left--;
                    break;
            }
        }

        if (left > 0)
        {
            // Events that end without an outcome: the generation was cancelled, so nobody reads the answer.
            aborted.ThrowIfCancellationRequested();
            throw new InvalidOperationException("A generation ended without an outcome.");
        }

        var choices = Enumerable.Range(0, completion.Prompts).SelectMany(Best).Select(Choice).ToArray();
        await response.WriteJsonAsync(head.Body(_usage.Total(), choices), OpenAiJsonContext.Relaxed.CompletionBodyWithUsage);
    }

    /// <summary>The generations that are the answers to a prompt: in their order where all are, else the most probable first.</summary>
    private IEnumerable<int> Best(int prompt)
    {
        var all = Enumerable.Range(prompt * completion.BestOf, completion.BestOf);
        return completion.BestOf == completion.N ? all : all.OrderByDescending(MeanLogProb).Take(completion.N);
    }

    /// <summary>Per token, lest short answers win; one that says nothing comes last.</summary>
    private double MeanLogProb(int generation) =>
        _logProbs[generation] is { Count: > 0 } tokens ? tokens.Average(token => (double)token.LogProb) : double.NegativeInfinity;

    private CompletionChoice Choice(int generation, int index) => new(
        completion.EchoOf(generation) + _texts[generation],
        index,
        texts is null ? null : new LogprobsWriter(texts).Next(_logProbs[generation]),
        _finishReasons[generation]);
}
