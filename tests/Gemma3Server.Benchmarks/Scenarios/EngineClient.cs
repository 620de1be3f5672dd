using Gemma3Server.Cli;
using Gemma3Server.Engine;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Sends requests straight to an engine: gaps between tokens are then the engine's, not those of HTTP.</summary>
internal sealed class EngineClient(InferenceEngine engine)
{
    private static readonly SamplingParameters Greedy = new() { Temperature = 0 };

    private int _sent;

    public InferenceEngine Engine => engine;

    /// <summary>Sends a request, before it returns for the first time, and hands out the exchange that its reader fills in.</summary>
    /// <param name="prompt">Prompt tokens.</param>
    /// <param name="tokens">Tokens to generate; end-of-turn tokens do not end the answer.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <param name="sampling">How tokens are chosen; greedy by default.</param>
    /// <param name="predicted">What the answer will probably be.</param>
    /// <param name="boundaries">Where the system text and the turns end, as the server tells its engine.</param>
    public (Exchange Exchange, Task Done) Send(
        int[] prompt, int tokens, CancellationToken cancellationToken, SamplingParameters? sampling = null, int[]? predicted = null, int[]? boundaries = null)
    {
        var exchange = new Exchange();
        var request = new GenerationRequest
        {
            Id = $"scenario-{Interlocked.Increment(ref _sent)}",
            PromptTokens = prompt,
            MaxTokens = tokens,
            Sampling = sampling ?? Greedy,
            IgnoreEndOfGeneration = true,
            PredictedTokens = predicted ?? [],
            CacheBoundaries = boundaries ?? [],
        };
        return (exchange, ReadAsync(exchange, engine.Generate(request, cancellationToken)));
    }

    /// <summary>Sends a request and reads it to its end.</summary>
    /// <exception cref="CommandFault">It was refused or failed.</exception>
    public async Task<Exchange> AskAsync(
        int[] prompt, int tokens, CancellationToken cancellationToken, SamplingParameters? sampling = null, int[]? boundaries = null)
    {
        var (exchange, done) = Send(prompt, tokens, cancellationToken, sampling, boundaries: boundaries);
        await done;
        return exchange.Completed ? exchange : throw new CommandFault("A request was refused or failed.");
    }

    /// <summary>Sends all prompts at once, in their order, and reads them to their ends.</summary>
    public Task<Exchange[]> AskAllAsync(int[][] prompts, int tokens, CancellationToken cancellationToken, SamplingParameters? sampling = null) =>
        Task.WhenAll(prompts.Select(prompt => AskAsync(prompt, tokens, cancellationToken, sampling)));

    /// <summary>Waits until no request is left: a cancelled one leaves at the next step.</summary>
    public async Task IdleAsync(CancellationToken cancellationToken)
    {
        while (engine.Statistics is { Running: > 0 } or { Waiting: > 0 }) await Task.Delay(1, cancellationToken);
    }

    private static async Task ReadAsync(Exchange exchange, GenerationAdmission admission)
    {
        if (admission.Events is { } events)
        {
            await foreach (var item in events.ConfigureAwait(false))
            {
                switch (item)
                {
                    case GenerationEvent.Started started:
                        exchange.Begin(started.PromptTokens, started.CachedTokens);
                        break;
                    case GenerationEvent.Text text:
                        exchange.Continue(text.Value, text.Tokens);
                        break;
                    case GenerationEvent.Finished finished:
                        exchange.Continue("", finished.CompletionTokens);
                        exchange.Completed = true;
                        break;
                }
            }
        }

        exchange.End();
    }
}
