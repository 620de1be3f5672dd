using Gemma3Server.Catalog;
using Gemma3Server.Hub;
using Spectre.Console;

namespace Gemma3Server.Cli.Pull;

/// <summary>A pull with its progress: a bar on a terminal, lines otherwise, or JSON lines.</summary>
internal static class PullRun
{
    public static async Task<IReadOnlyList<PulledFile>> RunAsync(
        HubCommandRun run, PullRequest request, HubTimings timings, bool json, CancellationToken cancellationToken)
    {
        var services = new ServiceCollection();
        services.AddHub(HubAccess.Read(Environment.GetEnvironmentVariable), timings, TimeProvider.System);
        await using var provider = services.BuildServiceProvider();
        return await WithProgressAsync(run.Output, run.Error, json, progress =>
        {
            provider.GetRequiredService<HubNotices>().Listener = progress.Note;
            return new ModelPull(provider.GetRequiredService<HubClient>(), run.Store, progress, timings, TimeProvider.System).RunAsync(request, cancellationToken);
        });
    }

    /// <summary>Says where the files are and how to serve them.</summary>
    public static async Task PrintAsync(HubCommandRun run, ModelReference reference, IReadOnlyList<PulledFile> files, bool json)
    {
        foreach (var file in files)
        {
            await run.Output.WriteLineAsync(json
                ? PullJson.Of(new PullDoneLine("done", file.Path, file.Bytes, file.Sha256, file.Commit, file.Fetched))
                : $"{(file.Fetched ? "Pulled" : "Already here")}: {file.Path} ({ByteText.Of(file.Bytes)})");
        }

        if (!json) await run.Output.WriteLineAsync($"Serve it: gemma3server --model {reference.Name}");
    }

    private static Task<T> WithProgressAsync<T>(TextWriter output, TextWriter error, bool json, Func<IPullProgress, Task<T>> action)
    {
        if (json) return action(new Synchronized(new JsonPullProgress(output)));
        var console = CommandConsole.On(error);
        if (!console.Profile.Out.IsTerminal) return action(new Synchronized(new LinePullProgress(error, TimeProvider.System)));
        return console.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(context => action(new Synchronized(new LivePullProgress(console, context.AddTask("starting")))));
    }

    /// <summary>One call at a time, since notes come from other threads than reports.</summary>
    private sealed class Synchronized(IPullProgress inner) : IPullProgress
    {
        private readonly Lock _gate = new();

        public void Report(PullStatus status)
        {
            lock (_gate) inner.Report(status);
        }

        public void Note(string text)
        {
            lock (_gate) inner.Note(text);
        }
    }
}
