namespace Gemma3Server.Responses;

/// <summary>Stored responses cannot be read or written now: the disk is full, the file is locked or damaged. The message is for clients, too.</summary>
internal sealed class StorageException : Exception
{
    public StorageException(string message, Exception inner) : base(message, inner)
    {
    }
}
