using Gemma3Server.Engine.Evaluation;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;

namespace Gemma3Server.Cli.Perplexity;

/// <summary>One evaluation: loads the models one after the other, reads the documents, scores them.</summary>
/// <remarks>A runtime belongs to one thread, so all of it happens on one of its own; a lost one does not hold up the process.</remarks>
internal sealed class PerplexityRun(
    PerplexityPlan plan, Gemma3ServerOptions options, Func<Gemma3ServerOptions, CancellationToken, IModelRuntime> load, NativeFault fault,
    PerplexityProgress progress)
{
    /// <exception cref="CommandFault">The documents, the models together, or the native library do not allow it.</exception>
    /// <exception cref="ModelLoadException">A model cannot be loaded.</exception>
    public async Task<EvaluationResult> RunAsync(CancellationToken cancellationToken)
    {
        var work = Task.Factory.StartNew(
            () => Run(cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        // An assertion of the native library holds its thread for ever.
        if (await Task.WhenAny(work, fault.Occurred) == work) return await work;
        throw new CommandFault($"Native code has failed: {(await fault.Occurred).ReplaceLineEndings(" ")}");
    }

    private EvaluationResult Run(CancellationToken cancellationToken)
    {
        var loaded = new List<(string Name, IModelRuntime Runtime)>();
        try
        {
            foreach (var file in plan.Files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress.Say($"loading {file}");
                loaded.Add((plan.NameOf(file), load(options with { Model = options.Model with { Path = file } }, cancellationToken)));
                RequireSameVocabulary(loaded[0], loaded[^1]);
            }

            var first = loaded[0].Runtime;
            var length = options.Runtime.ContextLength == 0 ? loaded.Min(model => model.Runtime.Limits.ContextLength) : options.Runtime.ContextLength;
            var documents = new DocumentReader(plan, first.Tokenizer, length).ReadAsync(cancellationToken).GetAwaiter().GetResult();
            var evaluator = plan.Reference is null ? new Evaluator(loaded) : new Evaluator(loaded[1..], loaded[0]);
            using var interruption = cancellationToken.Register(() =>
            {
                foreach (var (_, runtime) in loaded) (runtime as IInterruptible)?.Interrupt();
            });
            progress.Begin();
            return EvaluationResult.Of(evaluator.Run(documents, progress.Report, cancellationToken));
        }
        catch (EvaluationException exception)
        {
            throw new CommandFault(exception.Message);
        }
        finally
        {
            foreach (var (_, runtime) in loaded) runtime.Dispose();
        }
    }

    private static void RequireSameVocabulary((string Name, IModelRuntime Runtime) first, (string Name, IModelRuntime Runtime) other)
    {
        if (VocabularyComparison.FindDifference(first.Runtime.Tokenizer, other.Runtime.Tokenizer) is { } difference)
            throw new CommandFault($"'{first.Name}' and '{other.Name}' have different vocabularies ({difference}), so that they cannot be compared.");
    }
}
