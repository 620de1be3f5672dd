using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Runs one scenario: all its sides in one process, in turn within each round.</summary>
/// <remarks>
/// Both engines and the bare loop are loaded side by side, each with its own KV memory, and only one works at a time. Odd rounds run in the
/// reverse order, so that a machine that becomes slower or faster favours no side.
/// </remarks>
internal sealed class ScenarioRun(ScenarioSettings settings, BenchProgress progress)
{
    private const int WarmUpTokens = 8;
    private const int WarmUpPrompt = 600; // more than a micro batch of the defaults, so that both shapes of a step have been seen

    /// <summary>Seeds of neighbouring rounds and scenarios are this far apart.</summary>
    private const int SeedStep = 1000;

    /// <summary>What was measured on: model and hardware.</summary>
    public string Subject { get; private set; } = "";

    /// <summary>Loads the sides and runs all rounds.</summary>
    /// <exception cref="CommandFault">The settings are wrong, or a request failed.</exception>
    public async Task<ScenarioResult> RunAsync(Scenario scenario, int seed, CancellationToken cancellationToken)
    {
        var notes = new List<string>();
        progress.Say($"{scenario.Name}: loading");
        await using var on = await StartAsync(scenario, SideKind.On, notes, cancellationToken);
        await using var off = settings.SwitchesOf(scenario).Count > 0 ? await StartAsync(scenario, SideKind.Off, notes, cancellationToken) : null;
        using var native = on!.CreateNativeBaseline();
        Subject = $"{on.Engine.Model!.Name} ({on.Engine.Model.Description}) on {native.Hardware}";
        var tokenizer = on.Engine.Tokenizer!;

        progress.Say($"{scenario.Name}: warm-up");
        foreach (var server in new[] { on, off }.OfType<LocalServer>())
            await WarmUpAsync(new(server.Engine), scenario, new(Seed(seed, -1), tokenizer), cancellationToken);
        await Task.Run(() => scenario.Prepare(native, new(Seed(seed, -1), tokenizer)), cancellationToken);
        if (scenario.Note is { } note) notes.Insert(0, note);

        var result = new ScenarioResult(scenario, off is null ? [] : settings.SwitchesOf(scenario), notes);
        for (var round = 0; round < scenario.Rounds; round++)
        {
            SideKind[] sides = off is null ? [SideKind.Ceiling, SideKind.On] : [SideKind.Ceiling, SideKind.On, SideKind.Off];
            foreach (var side in round % 2 == 0 ? sides : sides.Reverse())
            {
                progress.Say($"{scenario.Name}: {side.Title()}, round {round + 1} of {scenario.Rounds}");
                var prompts = new ScenarioPrompts(Seed(seed, round), tokenizer);
                GC.Collect(); // one side shall not pay for another's garbage
                if (side == SideKind.Ceiling) result.Add(side, await Task.Run(() => scenario.Ceiling(native, prompts), cancellationToken));
                else result.Add(side, await MeasureAsync(new((side == SideKind.On ? on : off!).Engine), scenario, prompts, cancellationToken));
            }
        }

        return result;
    }

    private async Task<LocalServer?> StartAsync(Scenario scenario, SideKind side, List<string> notes, CancellationToken cancellationToken)
    {
        var (options, configuration, faults) = settings.Read(scenario, side);
        if (faults.Count == 0) return await LocalServer.StartAsync(options, configuration, cancellationToken, wrap: scenario.Wrap);
        if (side != SideKind.Off) throw new CommandFault(string.Join('\n', faults), ExitCode.WrongUsage);
        notes.Add($"no off side: {string.Join(' ', faults)}");
        return null;
    }

    private static async Task WarmUpAsync(EngineClient engine, Scenario scenario, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var longest = scenario.ContextLength - WarmUpTokens - 32; // the template takes some tokens
        await engine.AskAllAsync(prompts.Chats(scenario.Sequences, 16), WarmUpTokens, cancellationToken);
        await engine.AskAsync(prompts.Chat(Math.Min(WarmUpPrompt, longest)), WarmUpTokens, cancellationToken);
        await engine.IdleAsync(cancellationToken);
    }

    private static async Task<Dictionary<Metric, double>> MeasureAsync(
        EngineClient engine, Scenario scenario, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var before = Environment.CpuUsage.TotalTime;
        var values = await scenario.RunAsync(engine, prompts, cancellationToken);
        await engine.IdleAsync(cancellationToken);
        values[Metric.Processor] = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        await engine.Engine.CheckIntegrityAsync().WaitAsync(cancellationToken);
        return values;
    }

    /// <summary>Another seed for every round, and none of another scenario's or run's: a round shall not find its prompts cached.</summary>
    private static int Seed(int seed, int round) => ((seed + 1) * SeedStep) + round;
}
