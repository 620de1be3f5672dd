using Gemma3Server.Chat;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Prompts;
using Gemma3Server.Responses;

namespace Gemma3Server.Pool;

/// <summary>A loaded model with all that reads requests for it.</summary>
/// <param name="model">Which.</param>
/// <param name="engine">Runs it.</param>
/// <param name="load">What is known of its load.</param>
/// <param name="tokenizations">Those of all models.</param>
/// <param name="store">Where responses are kept.</param>
/// <param name="timeProvider">Clock.</param>
internal sealed class ModelSession(
    ServedModel model, InferenceEngine engine, LoadReport load, Tokenizations tokenizations, ResponseStore store, TimeProvider timeProvider) : IModelInstance
{
    private readonly PromptTokenizer _prompts = new(engine, tokenizations);

    public ServedModel Model => model;

    public InferenceEngine Engine => engine;

    public RawPromptTokenizer RawPrompts { get; } = new(engine, tokenizations);

    public ChatRequestParser Chat => field ??= new(model, engine, _prompts);

    public CompletionRequestParser Completions => field ??= new(engine, RawPrompts);

    public ResponseRequestParser Responses => field ??= new(model, engine, _prompts, store, timeProvider);

    public Task Ready => engine.Ready;

    public Task Ended => engine.Completion;

    public Exception? Failure => engine.Failure;

    public double Progress => load.Progress;

    public MemorySize Taken => load.Taken;

    public int HostLayers => load.HostLayers;

    public Task StopAsync(TimeSpan timeout) => engine.StopAsync(timeout);

    public Task AbandonAsync(Exception fault) => engine.AbandonAsync(fault);
}
