namespace Gemma3Server.Hub;

/// <summary>Who shows a pull's progress.</summary>
/// <remarks>Called on any thread, one call at a time.</remarks>
internal interface IPullProgress
{
    /// <summary>How far it is; a few times a second.</summary>
    void Report(PullStatus status);

    /// <summary>Something that the user should know.</summary>
    void Note(string text);
}
