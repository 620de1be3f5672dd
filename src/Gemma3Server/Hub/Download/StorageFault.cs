namespace Gemma3Server.Hub.Download;

/// <summary>Failures of the disk as messages.</summary>
internal static class StorageFault
{
    private const int Enospc = 28;
    private const int Edquot = 122;
    private const int ErrorDiskFull = unchecked((int)0x80070070);

    /// <summary>What to tell about a failure to write <paramref name="file"/>.</summary>
    public static HubException Of(Exception exception, string file) => exception.HResult is Enospc or Edquot or ErrorDiskFull
        ? new(HubFault.DiskFull, $"The disk is full: '{file}' does not fit. What has come is kept; make room and pull again.", exception)
        : new(HubFault.Storage, $"'{file}' cannot be written: {exception.Message.ReplaceLineEndings(" ").TrimEnd('.')}.", exception);
}
