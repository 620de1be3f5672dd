using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Gemma3Server.Cli;

namespace Gemma3Server.Benchmarks.Soak;

/// <summary>Runs the laps of a soak on a whole server in this process, and looks at what is left after each.</summary>
internal sealed class SoakRun(LocalServer server, SoakPlan plan, Action<string> say)
{
    /// <summary>Cancelled requests leave at the next step; far beyond that they hang.</summary>
    private static readonly TimeSpan IdlePatience = TimeSpan.FromSeconds(60);

    private readonly SoakReport _report = new();
    private readonly long _start = Stopwatch.GetTimestamp();

    public async Task<SoakReport> RunAsync(CancellationToken cancellationToken)
    {
        var (tokenizer, context) = (server.Engine.Tokenizer!, server.Engine.Limits!.ContextLength);
        SoakUser[] users = [.. Enumerable.Range(0, plan.Users)
            .Select(user => new SoakUser(server, new((plan.Seed * 10_000) + user, tokenizer, context), _report))];
        for (var lap = 1; lap <= plan.Laps; lap++)
        {
            var allowance = new SoakLap(plan);
            await Task.WhenAll(users.Select(user => Task.Run(() => user.RunAsync(allowance, cancellationToken), cancellationToken)));
            await CheckIdleAsync(cancellationToken);
            var sample = Sample();
            _report.Add(sample);
            say($"lap {lap} of {plan.Laps}: {_report.Counts.Values.Sum()} requests, {_report.Faults.Count} faults, "
                + $"heap {sample.HeapBytes >> 20} MiB, resident {sample.ResidentBytes >> 20} MiB");
        }

        _report.Engine = server.Engine.Statistics;
        return _report;
    }

    private async Task CheckIdleAsync(CancellationToken cancellationToken)
    {
        try
        {
            var watch = Stopwatch.StartNew();
            int busy;
            while ((busy = await BusyAsync(cancellationToken)) > 0 && watch.Elapsed < IdlePatience) await Task.Delay(5, cancellationToken);
            if (busy > 0) _report.Fault($"{busy} requests are busy though no client is left.");
            await server.Engine.CheckIntegrityAsync().WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            _report.Fault($"idle: {exception.Message}");
        }
    }

    private async Task<int> BusyAsync(CancellationToken cancellationToken)
    {
        var ready = await server.Http.GetFromJsonAsync<JsonElement>("health/ready", cancellationToken);
        return ready.GetProperty("running").GetInt32() + ready.GetProperty("waiting").GetInt32();
    }

    private SoakSample Sample()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        var heap = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return new(Stopwatch.GetElapsedTime(_start).TotalMinutes, heap, process.WorkingSet64);
    }
}
