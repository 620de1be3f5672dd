namespace Gemma3Server.Chat;

/// <summary>
/// Runs tokenizations on request threads, as many at a time as there are processors: megabytes of text take seconds. Others wait without a
/// thread, and leave with their client.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Tokenizations : IDisposable
{
    private readonly SemaphoreSlim _free = new(Environment.ProcessorCount);

    /// <summary>Runs <paramref name="work"/> when its turn has come.</summary>
    public async ValueTask<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            return work();
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose() => _free.Dispose();
}
