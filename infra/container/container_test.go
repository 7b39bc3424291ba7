// Package container_test checks what can be checked of the container files without a
// container engine.
package container_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/host"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// instruction is one of a Dockerfile, with its stage, from 1; before the first FROM it is 0.
type instruction struct {
	name, rest string
	stage      int
}

func instructions(text string) (all []instruction, stages int) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if name == "FROM" {
			stages++
		}
		all = append(all, instruction{name, rest, stages})
	}
	return all, stages
}

// pinned is an image with a tag that says which, or a digest.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$`)

// built is go build with where the binary goes and what is built.
var built = regexp.MustCompile(`CGO_ENABLED=0 .*go build .*-trimpath.* -o (\S+) \./(\S+)$`)

// checkDockerfile says what is wrong with one, given the Go version of go.mod.
func checkDockerfile(text, goVersion string) (wrong []string) {
	unless := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	all, stages := instructions(text)
	last := func(name string, stage int) (rest string) {
		for _, i := range all {
			if i.name == name && i.stage == stage {
				rest = i.rest
			}
		}
		return rest
	}
	unless(stages == 2, "two stages: what is built, and what runs")
	for _, i := range all {
		if image, isImage := strings.CutPrefix(i.rest, "GO_IMAGE="); isImage && i.name == "ARG" {
			unless(strings.Contains(image, "/golang:"+goVersion), "Go is not that of go.mod: "+image)
		}
		if key, image, _ := strings.Cut(i.rest, "="); i.name == "ARG" && strings.HasSuffix(key, "_IMAGE") {
			unless(pinned.MatchString(image) && strings.Contains(image, ":") && !strings.HasSuffix(image, ":latest"), "not pinned: "+image)
		}
		if i.name == "FROM" {
			unless(strings.Contains(i.rest, "_IMAGE}"), "an image that is not among the pinned ones: "+i.rest)
		}
		unless(i.name != "ADD", "ADD fetches and unpacks")
	}
	unless(strings.Contains(text, "BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot"), "the base is not distroless")
	unless(slices.Contains([]string{"65532:65532", "nonroot:nonroot"}, last("USER", 2)), "the image runs as "+last("USER", 2))
	binary := built.FindStringSubmatch(lastBuild(all))
	if unless(binary != nil, "no static build"); binary != nil {
		unless(binary[2] == "functions/usher", "it builds "+binary[2])
		unless(strings.Contains(text, "COPY --from=build "+binary[1]+" /usher\n"), "the binary that is built is not the one that is copied")
	}
	unless(strings.HasPrefix(last("ENTRYPOINT", 2), `["/usher"`), "the entry point is not the binary: a shell is not there, and would keep signals to itself")
	unless(last("CMD", 2) == `["serve"]`, "the command is not serve")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(last("ENV", 2), "USHER_LISTEN="))
	unless(err == nil && port == last("EXPOSE", 2), "it listens elsewhere than it says")
	return wrong
}

func lastBuild(all []instruction) (line string) {
	for _, i := range all {
		if i.name == "RUN" && strings.Contains(i.rest, "go build") {
			line = i.rest
		}
	}
	return line
}

func goVersion(t *testing.T) string {
	found := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, path.Join(root, "go.mod")))
	require.NotNil(t, found)
	return found[1]
}

func TestDockerfile(t *testing.T) {
	text := read(t, "Dockerfile")
	assert.Empty(t, checkDockerfile(text, goVersion(t)))
	assert.Contains(t, read(t, path.Join(root, "functions/usher/serve.go")), `p.command("serve"`)
	for name, c := range map[string][2]string{
		"Latest": {"static-debian12:nonroot", "static-debian12:latest"}, "NoTag": {"golang:1.26-bookworm", "golang"}, "OldGo": {"1.26", "1.22"},
		"OtherBase": {"gcr.io/distroless/static-debian12:nonroot", "docker.io/library/alpine:3"}, "Root": {"USER 65532:65532", "USER root"},
		"NoUser": {"USER 65532:65532\n", ""}, "CGO": {"CGO_ENABLED=0", "CGO_ENABLED=1"}, "OtherProgram": {"./functions/usher", "./functions/create/cmd"},
		"OtherBinary": {"COPY --from=build /out/usher", "COPY --from=build /out/create"}, "Shell": {`ENTRYPOINT ["/usher",`, `ENTRYPOINT ["/bin/sh",`},
		"Port": {"EXPOSE 8080", "EXPOSE 80"}, "Command": {`CMD ["serve"]`, `CMD ["demo"]`}, "Unpinned": {"FROM ${BASE_IMAGE}", "FROM gcr.io/distroless/static-debian12"},
	} {
		require.Contains(t, text, c[0], name)
		assert.NotEmpty(t, checkDockerfile(strings.ReplaceAll(text, c[0], c[1]), goVersion(t)), name)
	}
}

// resource is what we look at in a manifest.
type resource struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct {
		// Of a deployment; Selector of a service is plain.
		Replicas *int
		Template struct{ Spec pod }
		// Of a scaled object.
		ScaleTargetRef                   struct{ Name string }
		MinReplicaCount, MaxReplicaCount *int
		Triggers                         []struct {
			Type              string
			Metadata          map[string]string
			AuthenticationRef struct{ Name string }
		}
		// Of a trigger authentication.
		PodIdentity struct{ Provider string }
	}
}

type pod struct {
	ServiceAccountName            string
	TerminationGracePeriodSeconds int
	SecurityContext               struct{ RunAsNonRoot bool }
	Containers                    []struct {
		Args            []string
		ReadinessProbe  struct{ HTTPGet struct{ Path string } }
		LivenessProbe   struct{ HTTPGet struct{ Path string } }
		SecurityContext struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
		}
		VolumeMounts []struct {
			Name, MountPath string
			ReadOnly        bool
		}
	}
	Volumes []struct {
		Name      string
		ConfigMap struct {
			Name     string
			Optional bool
		}
	}
}

// files is where each pod finds usher.yaml and what it names, if there is any.
const files = "/etc/usher"

func (p pod) hasFiles() bool {
	for _, v := range p.Volumes {
		for _, m := range p.Containers[0].VolumeMounts {
			if v.Name == m.Name && m.MountPath == files {
				return m.ReadOnly && v.ConfigMap.Name == "usher-files" && v.ConfigMap.Optional
			}
		}
	}
	return false
}

func (r *resource) UnmarshalYAML(n *yaml.Node) error {
	type plain resource
	lower(n)
	return n.Decode((*plain)(r))
}

// lower makes keys as yaml expects those of fields without a tag.
func lower(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			n.Content[i].Value = strings.ToLower(n.Content[i].Value)
		}
	}
	for _, child := range n.Content {
		lower(child)
	}
}

func manifest(t *testing.T, text string) (all []resource) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	for {
		var r resource
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, r)
	}
}

// checkKubernetes says what is wrong with a manifest.
func checkKubernetes(all []resource) (wrong []string) {
	unless := func(ok bool, name, what string) {
		if !ok {
			wrong = append(wrong, name+": "+what)
		}
	}
	served, scaled, identities := map[string]string{}, []string{"fullsync"}, []string{}
	for _, r := range all {
		switch r.Kind {
		case "Deployment":
			unless(checkPod(r.Spec.Template.Spec), r.Metadata.Name, "its pod")
			unless(r.Spec.Template.Spec.hasFiles(), r.Metadata.Name, "usher.yaml, and what it names, would not be there")
			for _, c := range r.Spec.Template.Spec.Containers {
				for _, function := range strings.Split(c.Args[len(c.Args)-1], ",") {
					_, twice := served[function]
					unless(!twice, function, "is served by two deployments")
					served[function] = r.Metadata.Name
					unless(function != "fullsync" || r.Spec.Replicas != nil && *r.Spec.Replicas == 1, function, "its timer must run once")
				}
			}
		case "TriggerAuthentication":
			unless(r.Spec.PodIdentity.Provider == "azure-workload", r.Metadata.Name, "an identity, not a key")
			identities = append(identities, r.Metadata.Name)
		case "Secret":
			unless(false, r.Metadata.Name, "secrets are given by reference")
		}
	}
	for _, r := range all {
		if r.Kind != "ScaledObject" {
			continue
		}
		for _, trigger := range r.Spec.Triggers {
			queue := trigger.Metadata["queuename"]
			scaled = append(scaled, queue)
			unless(trigger.Type == "azure-servicebus" && trigger.Metadata["connectionfromenv"] == "" && trigger.Metadata["namespace"] != "", queue, "its trigger")
			unless(served[queue] == r.Spec.ScaleTargetRef.Name, queue, "another deployment is scaled than serves it")
			unless(slices.Contains(identities, trigger.AuthenticationRef.Name), queue, "there is no such identity")
		}
		unless(r.Spec.MaxReplicaCount != nil && r.Spec.MinReplicaCount != nil && *r.Spec.MaxReplicaCount > *r.Spec.MinReplicaCount, r.Metadata.Name, "its bounds")
	}
	functions := events.Functions()
	slices.Sort(functions)
	slices.Sort(scaled)
	for _, r := range all {
		if path, given := r.Data["usher_config"]; given {
			unless(path == files+"/usher.yaml", r.Metadata.Name, "the configuration is elsewhere")
		}
	}
	unless(slices.Equal(functions, scaled), "queues", strings.Join(scaled, ","))
	for _, function := range append(functions, "intake", "console") {
		unless(served[function] != "", function, "is served by nobody")
	}
	unless(len(served) == len(functions)+2, "functions", "one is not known")
	return wrong
}

func checkPod(p pod) bool {
	ok := p.ServiceAccountName == "usher" && p.SecurityContext.RunAsNonRoot && len(p.Containers) == 1 &&
		time.Duration(p.TerminationGracePeriodSeconds)*time.Second > host.Grace
	for _, c := range p.Containers {
		ok = ok && len(c.Args) == 3 && c.Args[0] == "serve" && c.Args[1] == "--functions" &&
			c.ReadinessProbe.HTTPGet.Path == "/readyz" && c.LivenessProbe.HTTPGet.Path == "/healthz" &&
			c.SecurityContext.ReadOnlyRootFilesystem && c.SecurityContext.AllowPrivilegeEscalation != nil && !*c.SecurityContext.AllowPrivilegeEscalation
	}
	return ok
}

func TestKubernetes(t *testing.T) {
	text := read(t, "kubernetes.yaml")
	assert.Empty(t, checkKubernetes(manifest(t, text)))
	for name, c := range map[string][2]string{
		"OtherQueue": {"queueName: create,", "queueName: creates,"}, "OtherTarget": {"scaleTargetRef: { name: usher-create }", "scaleTargetRef: { name: usher-notify }"},
		"OtherFunction": {`"--functions", "notify"`, `"--functions", "tell"`}, "Twice": {`"--functions", "notify"`, `"--functions", "notify,create"`},
		"NoIntake": {"intake,console", "console"}, "TwoNights": {"replicas: 1", "replicas: 2"}, "ShortGrace": {"terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 30"},
		"Root": {"runAsNonRoot: true", "runAsNonRoot: false"}, "Writable": {"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"},
		"Escalation": {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"}, "Probe": {"/readyz", "/ready"},
		"Key": {"provider: azure-workload", "provider: none"}, "Connection": {`messageCount: "20"`, `connectionFromEnv: KEY`}, "Bounds": {"maxReplicaCount: 4", "maxReplicaCount: 0"},
		"Authentication": {"authenticationRef: { name: usher }", "authenticationRef: { name: other }"}, "Secret": {"kind: ConfigMap", "kind: Secret"},
		"NoFiles": {", { name: files, mountPath: /etc/usher, readOnly: true }", ""}, "FilesElsewhere": {"mountPath: /etc/usher", "mountPath: /etc/other"},
		"FilesMayBeWritten": {"/etc/usher, readOnly: true", "/etc/usher"}, "OtherFiles": {"name: usher-files,", "name: usher,"},
		"FilesMustBe": {"optional: true", "optional: false"}, "ConfigElsewhere": {"# USHER_CONFIG: /etc/usher", "USHER_CONFIG: /etc"},
	} {
		require.Contains(t, text, c[0], name)
		assert.NotEmpty(t, checkKubernetes(manifest(t, strings.Replace(text, c[0], c[1], 1))), name)
	}
}

func TestCompose(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			ReadOnly        bool   `yaml:"read_only"`
			StopGracePeriod string `yaml:"stop_grace_period"`
			Build           struct{ Dockerfile string }
			Volumes         []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "compose.yaml")), &compose))
	usher := compose.Services["usher"]
	assert.True(t, usher.ReadOnly)
	assert.Equal(t, []string{"usher-data:/data"}, usher.Volumes, "the one directory that may be written to")
	grace, err := time.ParseDuration(usher.StopGracePeriod)
	require.NoError(t, err)
	assert.Greater(t, grace, host.Grace)
	assert.FileExists(t, path.Join(root, usher.Build.Dockerfile))
	for _, line := range strings.Split(read(t, "usher.env.example"), "\n") {
		name, value, _ := strings.Cut(line, "=")
		secret := strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_TOKEN")
		assert.False(t, secret && value != "", "%s has a value", name)
	}
}
