// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

type configMaps struct {
	Items []struct {
		Metadata struct{ Annotations map[string]string }
		Data     map[string]string
	}
}

// watchConfigMaps writes labelled ConfigMaps into a folder, as Grafana's sidecar does, with the same variables. It asks every second.
func watchConfigMaps() error {
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return err
	}
	roots.AppendCertsFromPEM(ca)
	own, err := os.ReadFile(account + "namespace")
	if err != nil {
		return err
	}
	label := os.Getenv("LABEL")
	if value := os.Getenv("LABEL_VALUE"); value != "" {
		label += "=" + value
	}
	place := fmt.Sprintf("https://%s/api/v1/namespaces/%s/configmaps?labelSelector=%s",
		net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")), env("NAMESPACE", string(own)), url.QueryEscape(label))
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	slog.Info("watching", "label", label)
	written := map[string]bool{}
	for ; ; time.Sleep(time.Second) {
		listed, err := list(client, place)
		if err == nil {
			written, err = writeFiles(env("FOLDER", "/dashboards"), env("FOLDER_ANNOTATION", "grafana_folder"), listed, written)
		}
		if err != nil {
			slog.Warn("not written: " + err.Error())
		}
	}
}

func list(client *http.Client, place string) (configMaps, error) {
	var found configMaps
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return found, err
	}
	request, err := http.NewRequest(http.MethodGet, place, nil)
	if err != nil {
		return found, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := client.Do(request)
	if err != nil {
		return found, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return found, fmt.Errorf("the API server answered %s", answer.Status)
	}
	return found, json.NewDecoder(answer.Body).Decode(&found)
}

// writeFiles makes the folder hold the data of the ConfigMaps; of other files it takes away those that it has written.
func writeFiles(folder, annotation string, listed configMaps, before map[string]bool) (map[string]bool, error) {
	written := map[string]bool{}
	for _, one := range listed.Items {
		for key, text := range one.Data {
			path := filepath.Join(folder, filepath.Clean("/"+one.Metadata.Annotations[annotation]), filepath.Base(key))
			written[path] = true
			if old, err := os.ReadFile(path); err == nil && string(old) == text {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return before, err
			}
			if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
				return before, err
			}
			if err := os.Rename(path+".new", path); err != nil {
				return before, err
			}
		}
	}
	for path := range before {
		if !written[path] {
			os.Remove(path)
		}
	}
	return written, nil
}
