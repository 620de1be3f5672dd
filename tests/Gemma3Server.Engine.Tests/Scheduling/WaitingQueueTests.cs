using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Scheduling;

public sealed class WaitingQueueTests
{
    private readonly WaitingQueue _queue = new();
    private readonly List<Sequence> _running = [];
    private long _arrivals;

    [Fact]
    public void Take_OneClientOneClass_InOrderOfArrival()
    {
        var sequences = Enumerable.Range(0, 20).Select(i => Add(tokens: 1 + (i * 7 % 50))).ToArray();
        Assert.Equal(sequences, TakeAll());
    }

    [Fact]
    public void Take_Classes_BetterOnesFirst()
    {
        Sequence[] sequences = [Add(RequestPriority.Flex), Add(), Add(RequestPriority.Priority), Add(), Add(RequestPriority.Priority)];
        Assert.Equal([sequences[2], sequences[4], sequences[1], sequences[3], sequences[0]], TakeAll());
    }

    [Theory]
    [InlineData(RequestPriority.Flex, RequestPriority.Priority)]
    [InlineData(RequestPriority.Flex, RequestPriority.Default)]
    [InlineData(RequestPriority.Default, RequestPriority.Priority)]
    public void Take_BetterOnesKeepComing_EveryNinthIsOfTheWorseClass(RequestPriority worse, RequestPriority better)
    {
        for (var i = 0; i < 10; i++) Add(worse);
        List<int> at = [];
        for (var i = 0; i < 60; i++)
        {
            Add(better);
            if (Take().Request.Priority == worse) at.Add(i);
        }

        Assert.Equal([8, 17, 26, 35, 44, 53], at);
    }

    [Fact]
    public void Take_AllClassesKeepComing_EachHasItsTurns()
    {
        var taken = new int[3];
        for (var i = 0; i < 900; i++)
        {
            foreach (var priority in Enum.GetValues<RequestPriority>()) Add(priority);
            taken[(int)Take().Request.Priority]++;
        }

        Assert.All(taken, n => Assert.True(n >= 85, string.Join(' ', taken)));
        Assert.True(taken[0] > taken[1] && taken[0] > taken[2]);
    }

    [Fact]
    public void Take_OneClientHasAHundred_AnothersFirstIsNext()
    {
        for (var i = 0; i < 100; i++) Add(client: "many");
        for (var i = 0; i < 3; i++) Take();
        var other = Add(client: "few");
        Assert.Same(other, Take());
    }

    [Fact]
    public void Take_TwoClientsOfUnlikeRequests_ShareInTokensNotInRequests()
    {
        for (var i = 0; i < 200; i++)
        {
            Add(client: "long", tokens: 900);
            Add(client: "short", tokens: 100);
        }

        var tokens = new Dictionary<string, int> { ["long"] = 0, ["short"] = 0 };
        for (var i = 0; i < 100; i++)
        {
            var sequence = Take();
            tokens[sequence.Request.ClientKey] += sequence.Charged;
            Finish(sequence);
        }

        Assert.InRange(tokens["long"] / (double)tokens["short"], 0.7, 1.5);
    }

    [Fact]
    public void End_AnswersWereLong_TheClientWaitsLonger()
    {
        Sequence talkative = Add(client: "talkative", maxTokens: 3000), brief = Add(client: "brief", maxTokens: 3000);
        Take();
        Take();
        for (var i = 0; i < 2000; i++) talkative.Accept(300);
        brief.Accept(300);
        Finish(talkative);
        Finish(brief);
        Add(client: "talkative");
        Sequence[] expected = [Add(client: "brief"), Add(client: "brief"), Add(client: "brief")];
        Assert.Equal(expected, [Take(), Take(), Take()]);
    }

    [Fact]
    public void End_WhileWaiting_CostsTheClientNothing()
    {
        for (var i = 0; i < 50; i++) End(Add(client: "a", tokens: 1000));
        Sequence[] sequences = [Add(client: "a"), Add(client: "b")];
        Assert.Equal(sequences, TakeAll());
    }

    [Fact]
    public void Take_NewClientsKeepComing_NobodyWaitsForEver()
    {
        for (var i = 0; i < 5; i++) Add(client: "first");
        var last = Add(client: "first");
        var turns = 0;
        for (Sequence? taken = null; taken != last; turns++)
        {
            Assert.True(turns < 100, "starved");
            Add(client: $"new {turns}");
            Finish(taken = Take());
        }
    }

    [Fact]
    public void AddPreempted_StandsInFrontOfItsClassOnly()
    {
        Sequence first = Add(), second = Add(), third = Add();
        Take();
        Take();
        var better = Add(RequestPriority.Priority);
        Preempt(second);
        Preempt(first);
        Assert.Equal([better, first, second, third], TakeAll());
    }

    [Fact]
    public void PublishPositions_CountsFromOneOverAllClasses()
    {
        Sequence flex = Add(RequestPriority.Flex), one = Add(), two = Add();
        _queue.PublishPositions();
        Assert.Equal((3, 1, 2), (flex.Position, one.Position, two.Position));
        Take();
        _queue.PublishPositions();
        Assert.Equal((2, 0, 1), (flex.Position, one.Position, two.Position));
        End(two);
        _queue.PublishPositions();
        Assert.Equal((1, 0, 0), (flex.Position, one.Position, two.Position));
    }

    [Fact]
    public void Add_ThousandsOfClients_AreForgotten()
    {
        for (var i = 0; i < 5000; i++)
        {
            Add(client: $"client {i}");
            Finish(Take());
        }

        Assert.InRange(_queue[RequestPriority.Default].Clients, 0, 1100);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Queue_RandomWork_KeepsItsInvariantsAndStarvesNobody(int seed)
    {
        var random = new Random(seed);
        var turns = 0L;
        var since = new Dictionary<Sequence, long>();
        for (var i = 0; i < 4000; i++)
        {
            switch (random.Next(6))
            {
                case 0 or 1 when _queue.Count < 40:
                    since[Add((RequestPriority)random.Next(3), $"c{random.Next(5)}", random.Next(1, 300))] = turns;
                    break;
                case 2 or 3 when _queue.Count > 0:
                    var taken = Take();
                    turns++;
                    // Forty before it, of which only every ninth turn may be of its class, and in that every eighth by age.
                    Assert.True(turns - since[taken] <= 9 * 8 * 40, $"waited for {turns - since[taken]} turns");
                    break;
                case 4 when _running.Count > 0:
                    var running = _running[random.Next(_running.Count)];
                    if (random.Next(4) == 0)
                    {
                        Preempt(running);
                        since[running] = turns;
                    }
                    else
                    {
                        Finish(running);
                    }

                    break;
                case 5 when _queue.Count > 0 && random.Next(5) == 0:
                    End(_queue.Peek()!);
                    break;
            }

            _queue.CheckIntegrity(_running);
        }
    }

    private Sequence Add(RequestPriority priority = RequestPriority.Default, string client = "", int tokens = 10, int maxTokens = 50)
    {
        var request = Requests.Greedy(new string('p', tokens - 1), maxTokens) with { Priority = priority, ClientKey = client };
        var sequence = new Sequence(request, new FakeTokenizer(), 10_000) { Number = _arrivals++ };
        _queue.Add(sequence);
        return sequence;
    }

    private Sequence Take()
    {
        var sequence = _queue.Peek()!;
        _queue.Take(sequence);
        sequence.State = SequenceState.Running;
        _running.Add(sequence);
        return sequence;
    }

    private List<Sequence> TakeAll()
    {
        List<Sequence> taken = [];
        while (_queue.Count > 0) taken.Add(Take());
        _queue.CheckIntegrity(_running);
        return taken;
    }

    private void Finish(Sequence sequence)
    {
        _running.Remove(sequence);
        End(sequence);
    }

    private void End(Sequence sequence)
    {
        _queue.End(sequence);
        sequence.State = SequenceState.Finished;
    }

    private void Preempt(Sequence sequence)
    {
        _running.Remove(sequence);
        sequence.State = SequenceState.Preempted;
        _queue.AddPreempted(sequence);
    }
}
