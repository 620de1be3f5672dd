namespace Gemma3Server.Hub;

/// <summary>Tells the user what the transport waits for: it has no other way to whoever shows the progress.</summary>
internal sealed class HubNotices
{
    /// <summary>Who is told; called on any thread.</summary>
    public Action<string>? Listener { get; set; }

    public void Say(string text) => Listener?.Invoke(text);
}
