using Gemma3Server.Hosting;

namespace Gemma3Server.Responses;

/// <summary>Deletes responses that nobody has used for a long time, once an hour; opens a configured file at the start, so that its faults are told then.</summary>
internal sealed partial class ResponseSweeper(
    ResponseStore store, ResponseSettings settings, TimeProvider timeProvider, ILogger<ResponseSweeper> logger) : BackgroundService
{
    /// <summary>Retention counts in days: an hour more does not matter.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (settings.Path is not (ResponseSettings.Auto or "")) await TryAsync(store.OpenAsync);
        using var timer = new PeriodicTimer(Interval, timeProvider);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryAsync(SweepAsync);
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task SweepAsync()
    {
        var deleted = await store.SweepAsync();
        if (deleted > 0) LogSwept(deleted);
    }

    private static async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (StorageException)
        {
            // Logged where it happened; the next time may be better.
        }
    }

    [LoggerMessage(LogLevel.Information, "{Count} stored responses were past their retention and have been deleted")]
    private partial void LogSwept(int count);
}
