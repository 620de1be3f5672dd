namespace Gemma3Server.Hub.Download;

/// <summary>Keeps all but one process, and all but one caller in it, from a file; the system lets go of it when the process ends, however it ends.</summary>
internal sealed class FileLock : IDisposable
{
    private readonly FileStream _held;

    private FileLock(FileStream held) => _held = held;

    /// <summary>Takes the lock if nobody has it.</summary>
    public static FileLock? TryTake(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            return new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }

    /// <summary>Waits for the lock.</summary>
    /// <param name="path">The file that is locked.</param>
    /// <param name="poll">How often to look.</param>
    /// <param name="time">The clock.</param>
    /// <param name="waiting">Called once when somebody else has it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<FileLock> TakeAsync(string path, TimeSpan poll, TimeProvider time, Action waiting, CancellationToken cancellationToken)
    {
        for (var told = false; ; told = true)
        {
            if (TryTake(path) is { } taken) return taken;
            if (!told) waiting();
            await Task.Delay(poll, time, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _held.Dispose();
}
